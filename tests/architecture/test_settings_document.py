"""docs/operating.md lists every variable that the code reads, with its default, and no other."""

import ast
import re
from pathlib import Path

import pytest

from payerwatch.config import env
from payerwatch.config.settings import DEFAULT_THROTTLES

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operating.md").read_text()
ROWS = [
    [cell.strip().strip("`") for cell in line.strip("|").split("|")]
    for line in TEXT.partition("## Every variable")[2].splitlines()
    if re.match(r"\| `(PAYERWATCH|DATABASE|MIGRATOR)_", line)
]
LISTED = {row[0]: row for row in ROWS}
RATES = {env.rate_variable(policy): rate for policy, rate in DEFAULT_THROTTLES.items()}


def calls() -> list[tuple[str, str]]:
    """Each variable that the settings ask for by its name, and the default given there."""
    found = []
    for path in (ROOT / "src" / "payerwatch").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name, *rest = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                if isinstance(name, str) and re.fullmatch(r"(PAYERWATCH_[A-Z_]+|(MIGRATOR_)?DATABASE_URL)", name):
                    found.append((name, str(rest[0]) if rest else ""))
    return found


def test_every_variable_is_listed_once():
    assert sorted(row[0] for row in ROWS) == sorted([*env.VARIABLES, *RATES])


def test_what_the_code_reads_is_what_is_known():
    assert {name for name, _ in calls()} == set(env.VARIABLES)


@pytest.mark.parametrize(("name", "default"), [each for each in calls() if each[1]])
def test_a_default_is_the_codes(name: str, default: str):
    assert LISTED[name][1] == default


@pytest.mark.parametrize("name", RATES)
def test_a_rates_default_is_the_codes(name: str):
    assert LISTED[name][1] == RATES[name]


def test_every_variable_but_rates_has_a_meaning_and_an_example():
    assert all(len(row) == 4 and all(row) for row in ROWS if row[0] not in RATES)


def test_every_variable_it_names_is_known():
    assert set(re.findall(r"PAYERWATCH_[A-Z_]+[A-Z]", TEXT)) <= set(LISTED)
