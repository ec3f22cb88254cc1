"""Each safeguard that docs/hipaa.md lists names code and tests that are there."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "hipaa.md").read_text().splitlines()
    if line.startswith("|")
][2:]
every_rule = pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# Every standard of 45 CFR 164.312 and what each asks to be implemented.
TECHNICAL_SAFEGUARDS = (
    *("(a)(1)", "(a)(2)(i)", "(a)(2)(ii)", "(a)(2)(iii)", "(a)(2)(iv)", "(b)", "(c)(1)", "(c)(2)", "(d)"),
    *("(e)(1)", "(e)(2)(i)", "(e)(2)(ii)"),
)


def test_no_technical_safeguard_is_left_out():
    rules = [row[0].partition(" ")[0] for row in ROWS]
    assert [rule for rule in TECHNICAL_SAFEGUARDS if rules.count(rule) != 1] == []


@every_rule
def test_the_code_is_there(row: list[str]):
    assert named(row[2])
    assert all((ROOT / "src" / "payerwatch" / path).exists() for path in named(row[2]))


@every_rule
def test_the_tests_are_there(row: list[str]):
    assert named(row[3])
    for reference in named(row[3]):
        path, _, test = reference.partition("::")
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), test
