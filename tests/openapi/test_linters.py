"""The description passes the linters: no finding but those that are listed here, each with its reason."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.openapi.tools import HERE, run

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

GOLDEN = Path(__file__).parents[2] / "docs" / "openapi.json"
OPEN_TO_ANYONE = "anyone"
NEVER_THROTTLED = "never throttled"
EVERYWHERE = "everywhere"

# The rule -> where it may find something, and why it is so on purpose.
SPECTRAL: dict[str, tuple[str, str]] = {
    "path-keys-no-trailing-slash": (EVERYWHERE, "every address of the API ends with a slash, so that none has two"),
    "owasp:api8:2023-define-cors-origin": (EVERYWHERE, "no other site's pages may read answers, so none are let in"),
    "owasp:api8:2023-define-error-responses-401": (OPEN_TO_ANYONE, "who is not known is let in as well"),
    "owasp:api4:2023-rate-limit": (NEVER_THROTTLED, "the health check is not counted, so there is no rate to tell"),
    "owasp:api4:2023-rate-limit-responses-429": (NEVER_THROTTLED, "the health check is not counted"),
}
REDOCLY: dict[str, tuple[str, str]] = {
    "no-path-trailing-slash": (EVERYWHERE, "every address of the API ends with a slash, so that none has two"),
    "no-ambiguous-paths": (EVERYWHERE, "an id has its kind before an underscore, so that none is a word of a path"),
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text())


def fits(where: str, path: list[str], document: dict[str, Any]) -> bool:
    """Whether the finding is at a place where its rule may find something."""
    if where == EVERYWHERE:
        return True
    operation = document["paths"][path[1]][path[2]] if path[0] == "paths" else {}
    if where == OPEN_TO_ANYONE:
        return operation.get("x-permission") == "anyone"
    return not operation.get("x-throttle") and (path[0] != "components" or "uncounted" in path[2])


def unexplained(found: list[tuple[str, list[str], str]], allowed: Any, document: dict[str, Any]) -> list[str]:
    """The findings that are not allowed, and what is allowed and was not found."""
    used, left = defaultdict(int), []
    for rule, path, words in found:
        if rule in allowed and fits(allowed[rule][0], path, document):
            used[rule] += 1
        else:
            left.append(f"{rule} at {'/'.join(path)}: {words}")
    return left + [f"{rule} is excepted for nothing" for rule in allowed if rule not in used]


def spectral(path: Path) -> list[tuple[str, list[str], str]]:
    done = run("spectral", "lint", "--ruleset", HERE / "spectral.yaml", "--format", "json", "--quiet", path)
    assert done.stdout, done.stderr
    return [(str(it["code"]), [str(step) for step in it["path"]], it["message"]) for it in json.loads(done.stdout)]


def redocly(path: Path) -> list[tuple[str, list[str], str]]:
    done = run("redocly", "lint", "--config", HERE / "redocly.yaml", "--format", "json", "--max-problems", "1000", path)
    assert done.stdout, done.stderr
    problems = json.loads(done.stdout)["problems"]
    return [(it["ruleId"], _steps(it["location"][0].get("pointer", "")), it["message"]) for it in problems]


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("#/").split("/")]


def test_spectral_and_the_owasp_rules_find_nothing_unexplained(document: dict[str, Any]):
    assert unexplained(spectral(GOLDEN), SPECTRAL, document) == []


def test_redocly_finds_nothing_unexplained(document: dict[str, Any]):
    assert unexplained(redocly(GOLDEN), REDOCLY, document) == []


def test_the_linters_see_what_is_wrong(tmp_path: Path, document: dict[str, Any]):
    """A description with seeded mistakes: without a 429, with a text without a limit, with an example that is none."""
    claims = document["paths"]["/claims/"]["get"]
    spoilt = json.loads(json.dumps(document))
    spoilt["paths"]["/claims/"]["get"]["responses"] = {
        status: answer for status, answer in claims["responses"].items() if status != "429"
    }
    spoilt["components"]["schemas"]["ClaimBody"]["properties"]["cpt"].pop("maxLength")
    spoilt["paths"]["/me/"]["get"]["responses"]["200"]["content"]["application/json"]["example"] = {"kind": 1}
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(spoilt))
    rules = {each.split(" ")[0] for each in unexplained(spectral(path), SPECTRAL, spoilt)}
    assert rules >= {
        "owasp:api4:2023-rate-limit-responses-429",
        "owasp:api4:2023-string-limit",
        "oas3-valid-media-example",
    }
    assert any(rule == "no-invalid-media-type-examples" for rule, _, _ in redocly(path))
