"""How many statements a piece of work sends to the database, and the stored counts of all of them.

Counted is each statement of ours, whether it travels alone or ahead of another: so an entry of the record counts. Not
counted is what merely frames statements (BEGIN, SET LOCAL, savepoints, COMMIT), nor what the throttle asks, which has a
connection of its own.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

STORED = Path(__file__).parent / "counts.json"
REWRITTEN_BY = "make query-counts"
_FRAMES = ("BEGIN", "COMMIT", "ROLLBACK", "SET LOCAL", "SAVEPOINT", "RELEASE")
Counts = dict[str, int]


def statements(work: Callable[[], Any]) -> list[str]:
    """Those that the work has sent, in order."""
    with _past_django_too(), CaptureQueriesContext(connection) as asked:
        work()
    return [each["sql"] for each in asked.captured_queries if not each["sql"].startswith(_FRAMES)]


@contextmanager
def _past_django_too() -> Iterator[None]:
    """Log what Django does not see: large bytes that are sent beside their statement, and COPY."""
    if connection.vendor != "postgresql":
        yield
        return
    from payerwatch.tenancy.postgresql.ahead import Cursor
    from payerwatch.tenancy.postgresql.base import DatabaseWrapper

    def logging(usual: Callable[..., Any]) -> Callable[..., Any]:
        def sent(sender: Any, statement: str, *values: Any, **how: Any) -> Any:
            connection.queries_log.append({"sql": statement, "time": "0.000"})
            return usual(sender, statement, *values, **how)

        return sent

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseWrapper, "execute_bound", logging(DatabaseWrapper.execute_bound))
        patch.setattr(Cursor, "copy", logging(Cursor.copy))
        yield


def stored(kind: str, database: str) -> Counts:
    """By what is asked or done, as it was last looked at in review."""
    found: Counts = json.loads(STORED.read_text())[database][kind]
    return found


def keep(kind: str, counts: Mapping[str, int]) -> None:
    """Put these in the place of those stored, for the database in use."""
    all_counts = json.loads(STORED.read_text())
    all_counts[connection.vendor][kind] = dict(counts)
    STORED.write_text(json.dumps(all_counts, indent=2, sort_keys=True) + "\n")


def differences(before: Mapping[str, int], now: Mapping[str, int]) -> list[str]:
    """One line for each that is not what it was."""
    return [
        f"{name}: {before.get(name, 'not there')} -> {now.get(name, 'not there')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
