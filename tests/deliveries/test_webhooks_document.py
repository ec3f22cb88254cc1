"""What docs/webhooks.md tells receivers is what is sent, when, and how it is verified."""

import re
from datetime import timedelta
from itertools import accumulate

import pytest

from payerwatch.deliveries.addresses import FIRST_HIGH_PORT, SERVICE_PORTS
from payerwatch.deliveries.answers import FAILURES, Answer
from payerwatch.deliveries.excerpts import EXCERPT_BYTES
from payerwatch.deliveries.retries import (
    DISABLED_AFTER,
    JITTER,
    LONGEST_RETRY_AFTER,
    MEANINGS,
    SCHEDULE,
    SLOWED_FOR,
    Meaning,
    meaning_of,
)
from payerwatch.deliveries.sending import LIMITS
from payerwatch.deliveries.signing import ID, SIGNATURE, TIMESTAMP, TOLERANCE_SECONDS, refuse_unless_signed
from tests.deliveries.verifiers import FOLDER, PAGE

pytestmark = pytest.mark.pure

TEXT = PAGE.read_text() if PAGE.exists() else ""
FLOWING = " ".join(TEXT.split())


def rows(heading: str) -> list[str]:
    """The rows of the tables under a heading, without the first two of each."""
    part = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)[1]
    tables = re.findall(r"(?:^\|.*\n)+", part, re.M)
    return [row for table in tables for row in table.splitlines()[2:]]


def words(wait: timedelta) -> str:
    seconds = int(wait.total_seconds())
    for unit, size in (("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return "at once"


def clock(since: timedelta) -> str:
    minutes, seconds = divmod(int(since.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def retries_table() -> list[str]:
    each = enumerate(zip(SCHEDULE, accumulate(SCHEDULE), strict=True), 1)
    return [f"| {number} | {words(wait)} | {clock(since)} |" for number, (wait, since) in each]


def failures_table() -> list[str]:
    return [f"| `{word}` | {meaning} |" for word, meaning in FAILURES.items()]


def test_the_table_of_attempts_is_the_codes():
    assert rows("When it is sent again") == retries_table()
    assert JITTER == 0.1
    assert "drawn out by up to a tenth" in FLOWING


def test_the_tables_of_answers_are_the_codes():
    by_status = {meaning: [str(status) for status in MEANINGS if MEANINGS[status] is meaning] for meaning in Meaning}
    said = rows("Answer fast")
    assert said[1].startswith(f"| {', '.join(by_status[Meaning.GONE])} |")
    assert said[2].startswith(f"| {', '.join(by_status[Meaning.SLOWED])} |")
    assert {meaning_of(Answer(status)) for status in (200, 299)} == {Meaning.DELIVERED}
    assert said[5:] == failures_table()


@pytest.mark.parametrize("name", ["verify.py", "verify.ts", "verify.sh"])
def test_each_verifier_is_quoted_whole(name: str):
    kind = {"py": "python"}.get(name[-2:], name[-2:])
    [quoted] = re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.M | re.S)
    assert quoted == (FOLDER / name).read_text()
    assert f"(webhooks/{name})" in TEXT


def test_times_and_sizes_are_the_codes():
    assert f"{LIMITS.connect} seconds to connect and {LIMITS.total} seconds in all" in FLOWING
    assert f"no more than {LIMITS.body // 1024} kB are read" in FLOWING
    assert EXCERPT_BYTES == 1024
    assert f"more than {TOLERANCE_SECONDS // 60} minutes ago" in FLOWING
    assert f"for up to {LONGEST_RETRY_AFTER.total_seconds() / 3600:.0f} hours" in FLOWING
    assert f"for {DISABLED_AFTER.days} days is disabled" in FLOWING
    assert timedelta(minutes=1) == SLOWED_FOR
    assert "nothing for a minute" in FLOWING


def test_the_headers_are_the_codes():
    assert [re.match(r"\| `([\w-]+)`", row)[1] for row in rows("What is sent")[:3]] == [ID, TIMESTAMP, SIGNATURE]


def test_the_example_is_signed_with_the_secret_that_it_names():
    head, body = re.search(r"((?:^    .*\n)+)\n    (\{.*\})$", TEXT, re.M).groups()
    headers = dict(line.strip().split(": ", 1) for line in head.splitlines()[1:])
    secret = re.search(r"with the secret `(whsec_\S+)`", TEXT)[1]
    refuse_unless_signed(headers, body.encode(), [secret], now=int(headers[TIMESTAMP]))


def test_ports_are_the_codes():
    said = re.search(r"443, 80 and (\d+) to 65535 without those known for other services: ([\d, ]+)\.", FLOWING)
    assert int(said[1]) == FIRST_HIGH_PORT
    assert [int(port) for port in said[2].split(", ")] == list(SERVICE_PORTS)


def test_there_is_a_place_for_the_types_of_events():
    assert TEXT.count("<!-- event types -->") == TEXT.count("<!-- end of event types -->") == 1
