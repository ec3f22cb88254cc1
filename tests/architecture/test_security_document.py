"""Each guard that SECURITY.md lists names what shows it, and that is there."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "SECURITY.md").read_text().splitlines()
    if line.startswith("|")
][2:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_shows_it_is_there(row: list[str]):
    threat, guard, shown = row
    assert threat
    assert guard
    references = re.findall(r"`([^`]+)`", shown)
    assert references
    for reference in references:
        path, _, test = reference.partition("::")
        assert (ROOT / path).exists(), path
        assert not path.endswith("/") or any((ROOT / path).iterdir()), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), test
