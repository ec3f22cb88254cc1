"""A change that breaks clients is found before it is released, and each kind of one is."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.openapi.breaking import breaks

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "docs" / "openapi.json"
RELEASED = ROOT / "docs" / "openapi-released.json"
Document = dict[str, Any]


@pytest.fixture
def golden() -> Document:
    return json.loads(GOLDEN.read_text())


def component(document: Document, name: str) -> Document:
    return document["components"]["schemas"][name]


def claims(document: Document) -> Document:
    return document["paths"]["/claims/"]["get"]


def parameter(document: Document, name: str) -> Document:
    return next(each for each in claims(document)["parameters"] if each["name"] == name)


def test_nothing_that_was_released_is_broken_under_the_same_version(golden: Document):
    """The release's description is kept beside; who must break it raises the version first."""
    released = json.loads(RELEASED.read_text())
    if golden["info"]["version"] == released["info"]["version"]:
        assert breaks(released, golden) == []


SEEDED: dict[str, tuple[Callable[[Document], Any], str]] = {
    "a path goes": (lambda it: it["paths"].pop("/claims/"), "/claims/: the path is gone"),
    "an operation goes": (
        lambda it: it["paths"]["/members/{id}/"].pop("patch"),
        "PATCH /members/{id}/: the operation is gone",
    ),
    "an operation is renamed": (
        lambda it: claims(it).update(operationId="claims_all"),
        "GET /claims/: its operationId is another",
    ),
    "a permission changes": (
        lambda it: claims(it).update({"x-permission": "claims.load"}),
        "GET /claims/: it needs another permission",
    ),
    "an answer goes": (
        lambda it: claims(it)["responses"].update({"202": claims(it)["responses"].pop("200")}),
        "GET /claims/: the answer 200 is gone",
    ),
    "a kind of answer goes": (
        lambda it: it["paths"]["/audit-entries/export/"]["get"]["responses"]["200"]["content"].pop("text/csv"),
        "GET /audit-entries/export/ 200: text/csv is gone",
    ),
    "a field of an answer goes": (
        lambda it: component(it, "ClaimBody")["properties"].pop("payer"),
        "GET /claims/ 200.results[]: the field payer is gone",
    ),
    "a field may be missing": (
        lambda it: component(it, "ClaimBody")["required"].remove("payer"),
        "GET /claims/ 200.results[]: the field payer may be missing now",
    ),
    "a field of an answer changes its type": (
        lambda it: component(it, "ClaimBody")["properties"]["cpt"].update(type="integer"),
        "GET /claims/ 200.results[].cpt: its type is another",
    ),
    "a field of an answer may be null": (
        lambda it: component(it, "ClaimBody")["properties"]["cpt"].update(type=["string", "null"]),
        "GET /claims/ 200.results[].cpt: its type is another",
    ),
    "a field of an answer changes its format": (
        lambda it: component(it, "ClaimBody")["properties"]["submitted_date"].update(format="date-time"),
        "GET /claims/ 200.results[].submitted_date: its format is another",
    ),
    "a value of an answer goes": (
        lambda it: component(it, "ClaimBody")["properties"]["outcome"]["enum"].remove("denied"),
        "GET /claims/ 200.results[].outcome: values are gone",
    ),
    "a field of a request goes": (
        lambda it: component(it, "NewKeyRequest")["properties"].pop("allowed_addresses"),
        "POST /api-keys/ body: the field allowed_addresses is gone",
    ),
    "a field of a request is required": (
        lambda it: component(it, "NewKeyRequest")["required"].append("expires_in_days"),
        "POST /api-keys/ body: the field expires_in_days is required now",
    ),
    "a request takes fewer values": (
        lambda it: component(it, "NewRoleRequest")["properties"]["role"]["enum"].remove("viewer"),
        "PATCH /members/{id}/ body.role: it takes fewer values",
    ),
    "a limit of a request is narrower": (
        lambda it: component(it, "NewKeyRequest")["properties"]["name"].update(maxLength=50),
        "POST /api-keys/ body.name: maxLength is narrower",
    ),
    "a request becomes closed": (
        lambda it: component(it, "NewKeyRequest").update(additionalProperties=False),
        "POST /api-keys/ body: fields that are not named are refused now",
    ),
    "a parameter goes": (
        lambda it: claims(it)["parameters"].remove(parameter(it, "payer")),
        "GET /claims/: the parameter payer is gone",
    ),
    "a parameter is required": (
        lambda it: parameter(it, "payer").update(required=True),
        "GET /claims/: the parameter payer is required now",
    ),
    "a parameter is asked for anew": (
        lambda it: claims(it)["parameters"].append({**parameter(it, "payer"), "name": "year", "required": True}),
        "GET /claims/: the parameter year is required anew",
    ),
    "a parameter takes fewer values": (
        lambda it: parameter(it, "outcome")["schema"]["enum"].remove("paid"),
        "GET /claims/ outcome: it takes fewer values",
    ),
    "a page is smaller": (
        lambda it: parameter(it, "page_size")["schema"].update(maximum=10),
        "GET /claims/ page_size: maximum is narrower",
    ),
    "a body is asked for": (
        lambda it: it["paths"]["/auth/sign-out/"]["post"].update(
            requestBody=it["paths"]["/api-keys/"]["post"]["requestBody"]
        ),
        "POST /auth/sign-out/: a body is required anew",
    ),
}


@pytest.mark.parametrize("what", SEEDED)
def test_a_breaking_change_is_found(what: str, golden: Document):
    before = copy.deepcopy(golden)
    if what == "a request becomes closed":
        component(before, "NewKeyRequest").pop("additionalProperties")
    after = copy.deepcopy(before)
    change, finding = SEEDED[what]
    change(after)
    assert finding in breaks(before, after)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["paths"].update({"/new/": {}}),
        lambda it: component(it, "ClaimBody")["properties"].update(more={"type": "string"}),
        lambda it: component(it, "NewKeyRequest")["properties"].update(more={"type": "string"}),
        lambda it: component(it, "NewKeyRequest")["properties"]["name"].update(maxLength=200),
        lambda it: component(it, "NewRoleRequest")["properties"]["role"]["enum"].append("guest"),
        lambda it: claims(it)["parameters"].append({**parameter(it, "payer"), "name": "year"}),
        lambda it: claims(it).update(summary="Other words"),
    ],
)
def test_what_only_adds_breaks_nothing(change: Callable[[Document], Any], golden: Document):
    after = copy.deepcopy(golden)
    change(after)
    assert breaks(golden, after) == []


def test_the_release_that_is_kept_is_the_one_that_was_tagged(golden: Document):
    """Where the history is at hand and the release's tag with it."""
    released = json.loads(RELEASED.read_text())["info"]["version"]
    shown = ["git", "-C", str(ROOT), "show", f"v{released}:docs/openapi.json"]
    tagged = subprocess.run(shown, capture_output=True, text=True, check=False)
    assert tagged.returncode != 0 or json.loads(tagged.stdout) == json.loads(RELEASED.read_text())
