"""The real server is asked whatever its description allows, and much that it does not: nothing may answer otherwise."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from payerwatch.web.description.values import sample_id
from tests.journeys.conftest import copy_of
from tests.journeys.serving import PASSWORD, UNHINDERED, Served, add_member, bearer, serving, tokens_of
from tests.make import claims_file, denied, row

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.minutes]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
# All phases always. What costs most is each value at its limits, and what is made up: of a sixth of the operations and
# few in each run, of all and many in the full proof.
SEEDS, EXAMPLES = ((1, 2, 3), 500) if FULL else ((1,), 3)
MADE_UP, AT_THE_LIMITS = "examples,fuzzing,stateful", "coverage"
SHARE = 1 if FULL else 6
HERE = Path(__file__).parent / "fuzzing"
ROOT = HERE.parents[2]
COUNTS = "counts.json"
OWNER, SPARE = "owner@example.com", "spare@example.com"
EVERYTHING = UNHINDERED | {
    "PAYERWATCH_RATE_SIGN_IN_NETWORK": "1000/s",
    "PAYERWATCH_RATE_INVITATION_ADDRESS": "1000/s",
    "PAYERWATCH_RATE_INVITATION_CUSTOMER": "1000/s",
    "DJANGO_SETTINGS_MODULE": "tests.openapi.fuzzing.settings",
    "PYTHONPATH": str(ROOT),
}

# The tool's checks that are not asked, each with its reason.
LEFT_OUT = {
    "positive_data_acceptance": "it takes every 400 for a mistake of the description, but no schema can say that a link"
    " was used or that a reason is missing; `what_is_described_is_accepted` in hooks.py stands in its place",
    "negative_data_rejection": "an `If-None-Match` that names no tag and an unknown header field are passed over, as"
    " HTTP has it, and some bodies that the tool takes for malformed are as described; for all else"
    " `what_is_malformed_is_refused` in hooks.py asks it",
    "response_schema_conformance": "with `fields` an answer has those alone, which no schema of it can say;"
    " `what_is_described_is_answered` in hooks.py asks it wherever no fields were asked for",
}


@dataclass(frozen=True)
class Fuzzed:
    """A server with claims, events and people, and what schemathesis is told of it."""

    served: Served
    told: dict[str, Any]


@pytest.fixture(scope="module")
def fuzzed(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with copy_of(migrated, folder) as installation:
        for number in range(3):
            add_member(installation, f"member.{number}@example.com", "analyst")
        add_member(installation, OWNER)
        add_member(installation, SPARE, "viewer")
        rows = [row(number=f"C{number}") for number in range(40)] + [denied(number=f"D{number}") for number in range(9)]
        installation.ask("load", claims_file(folder, rows))
        sample = folder / "sample"
        installation.run("sample", sample, "--weeks", "40", "--claims-per-week", "200")
        installation.ask("load", sample / "claims.csv")
        installation.ask("detect")
        with serving(installation, **EVERYTHING) as served:
            yield Fuzzed(served, _told(served))


def _told(served: Served) -> dict[str, Any]:
    owner = bearer(tokens_of(served, OWNER)["access"])

    def ids(path: str) -> list[dict[str, Any]]:
        return served.ask("GET", f"/api/v1/{path}", headers=owner).document["results"]

    for number in range(3):
        body = {"name": f"Key {number}", "scopes": ["claims.read"]}
        assert served.ask("POST", "/api/v1/api-keys/", body, owner).status == 201
        body = {"email": f"invited.{number}@example.com", "role": "viewer"}
        assert served.ask("POST", "/api/v1/invitations/", body, owner).status == 201
    return {
        "base": f"http://127.0.0.1:{served.port}/api/v1",
        "password": PASSWORD,
        "owner": OWNER,
        "spare": SPARE,
        "customer": ids("customers/")[0]["id"],
        "upload": ids("uploads/")[0]["id"],
        "uploads": [each["id"] for each in ids("uploads/")],
        "kept": [each["id"] for each in ids("members/") if each["email"] in (OWNER, SPARE)],
        "nobody": "mbr_2222222222222222",
        "examples": [sample_id(prefix)[3:] for prefix in ("clm", "mbr")],
    }


def a_share_of_the_operations() -> list[str]:
    """Every so-and-so-many of them, by name."""
    paths = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"].values()
    return sorted(each["operationId"] for path in paths for each in path.values())[::SHARE]


def schemathesis(fuzzed: Fuzzed, seed: int, folder: Path, phases: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [
        Path(sys.executable).with_name("st"),
        *("--config-file", HERE / "schemathesis.toml"),
        "run",
        f"{fuzzed.told['base']}/schema/",
        *("--checks", "all"),
        *("--exclude-checks", ",".join(LEFT_OUT)),
        *("--phases", phases),
        *("--max-examples", EXAMPLES),
        *("--seed", seed),
        *("--workers", 1),  # Python 3.11 cannot parse source in two threads at once, and the tool does
        "--continue-on-failure",
        "--no-color",
        *("--generation-database", "none"),
        *("--suppress-health-check", "all"),
        *("--wait-for-schema", 60),  # a busy machine takes long to make it
        *more,
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    told = json.dumps(fuzzed.told | {"counts": str(folder / COUNTS)})
    return subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env=environment | {"PAYERWATCH_FUZZED": told, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_is_answered_otherwise_than_described(seed: int, fuzzed: Fuzzed, tmp_path: Path):
    some = [word for name in a_share_of_the_operations() for word in ("--include-operation-id", name)]
    for phases, more in ((AT_THE_LIMITS, some), (MADE_UP, [])):
        done = schemathesis(fuzzed, seed, tmp_path, phases, *more)
        (tmp_path / f"said-{phases}.txt").write_text(done.stdout)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    counts = json.loads((tmp_path / COUNTS).read_text())
    tried = Counter[bool]()
    for phase in ("examples", "stateful"):
        for name, times in counts.get(phase, {}).items():
            tried[name.rpartition(" ")[2] < "300"] += times
    share = tried[True] / tried.total()
    assert share >= 0.6, f"seed {seed}: {tried.total()} well-formed calls in examples and stateful, {share:.0%} good"
