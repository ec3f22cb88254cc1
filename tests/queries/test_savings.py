"""The published table of queries saved says what is stored, of which the test of counts knows that it is true."""

from pathlib import Path

import pytest

from tests.queries.counting import stored

pytestmark = pytest.mark.pure

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
WRITTEN_BY = "scripts/with_postgres.py -- python benchmarks/api_queries.py --write"


def rows() -> list[list[str]]:
    table = DOCUMENT.read_text().partition("<!-- queries -->\n")[2].partition("<!-- end of queries -->")[0]
    return [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def test_the_table_says_of_each_endpoint_what_is_stored():
    head, _, *endpoints, total = rows()
    assert [each.strip() for each in head] == ["endpoint", "reference", "ours", "saved"]
    counts = stored("requests", "postgresql")
    told = {endpoint.strip(): int(ours) for endpoint, _, ours, _ in endpoints}
    assert told == {endpoint: counts.get(endpoint) for endpoint in told}, f"Write it anew: {WRITTEN_BY}"
    assert len(told) == 13
    assert total[0].startswith("10 tasks")


def test_what_is_saved_follows_from_what_is_asked():
    for _, reference, ours, saved in rows()[2:]:
        theirs = [int(word) for word in reference.replace(",", "").split() if word.isdigit()]
        percents = [int(word) for word in saved.replace(",", "").split() if word.isdigit()]
        assert percents == [round(100 * (each - int(ours)) / each) for each in theirs[: len(percents)]]
