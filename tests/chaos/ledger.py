"""What clients were told is kept, written down by them outside; and what is kept, held against it."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.chaos.own_server import OwnServer

GOOD = range(200, 300)


class Good(NamedTuple):
    """A good answer: when it was asked for and when it had come, by time.monotonic(), and whether it was to a write."""

    began: float
    came: float
    writes: bool


@dataclass
class Brought:
    """Claims that were sent together, by number, each with its amount in cents; and as they were written."""

    claims: dict[str, int]
    content: bytes = b""
    is_acknowledged: bool = False


@dataclass
class Ledger:
    """By name, what was sent; and by spelling, the payer that it was mapped to, if that was acknowledged."""

    brought: dict[str, Brought] = field(default_factory=dict)
    mapped: dict[str, bool] = field(default_factory=dict)
    answers: Counter[int | str] = field(default_factory=Counter)
    good: list[Good] = field(default_factory=list)
    slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: int | str, began: float, *, writes: bool) -> None:
        """An answer that has come just now."""
        came = time.monotonic()
        with self.lock:
            self.answers[answer] += 1
            self.slowest = max(self.slowest, came - began)
            if answer in GOOD:
                self.good.append(Good(began, came, writes))

    def first_after(self, moment: float, *, writes: bool) -> float | None:
        """Seconds until the first good answer had come that was asked for since; of writes alone, if so wished."""
        with self.lock:
            came = [each.came for each in self.good if each.began >= moment and each.writes >= writes]
        return min(came) - moment if came else None

    @property
    def acknowledged(self) -> int:
        return sum(each.is_acknowledged for each in self.brought.values()) + sum(self.mapped.values())


@dataclass(frozen=True)
class Stored:
    """What the database holds, read past the product."""

    claims: Counter[str]
    amounts: dict[str, int]
    spellings: dict[str, tuple[int, int]]
    """How often each is there, and how often the record says that it was mapped."""


_SPELLINGS = """
SELECT raw_name, count(DISTINCT mapping.id), count(entry.id) FROM claims_payermapping AS mapping
LEFT JOIN audit_entry AS entry ON entry.customer_id = mapping.customer_id AND entry.thing_kind = 'payer_mapping'
    AND entry.thing_id = 'map_' || mapping.id AND entry.outcome = 'done'
WHERE raw_name LIKE 'Spelling %' GROUP BY raw_name
"""
_UNFINISHED = """
SELECT 'upload', state, detection_due::text FROM claims_upload WHERE state IN ('received', 'loading') OR detection_due
UNION ALL SELECT 'job', status::text, task_name FROM procrastinate_jobs WHERE status = 'failed'
    OR (args->>'customer')::bigint > 0 AND coalesce(scheduled_at < now() + interval '2 hours', true)
"""


def stored(server: OwnServer, database: str) -> Stored:
    def rows(statement: str) -> list[Any]:
        return server.ask(statement, database=database)

    claims = rows("SELECT claim_key, billed_amount FROM claims_claim")
    spellings = rows(_SPELLINGS)
    return Stored(
        Counter(number for number, _ in claims),
        dict(claims),
        {name: (times, noted) for name, times, noted in spellings},
    )


def unfinished(server: OwnServer, database: str) -> list[tuple[Any, ...]]:
    """Files that are not loaded and judged yet, and jobs that wait for that or have failed for good.

    What is planned for another day, as a digest is, waits as it should; what is an hour late does not.
    """
    return server.ask(_UNFINISHED, database=database)


def differences(ledger: Ledger, found: Stored) -> list[str]:
    """Everything that is not as clients were told; empty where all is well."""
    wrong = []
    sent = dict[str, int]()
    for name, each in ledger.brought.items():
        sent |= each.claims
        there = [number for number in each.claims if found.claims[number]]
        if each.is_acknowledged and len(there) < len(each.claims):
            wrong.append(f"{name} was acknowledged, and {len(each.claims) - len(there)} of its claims are missing")
        if 0 < len(there) < len(each.claims):
            wrong.append(f"{name} is there in part")
    wrong += [f"claim {number} is there {times} times" for number, times in found.claims.items() if times > 1]
    wrong += [f"claim {number} was never sent" for number in found.claims if number not in sent]
    wrong += [f"the amount of {n} is another" for n, cents in found.amounts.items() if cents != sent.get(n, cents)]
    for spelling, is_acknowledged in ledger.mapped.items():
        times, noted = found.spellings.get(spelling, (0, 0))
        if times > 1 or times != noted or (is_acknowledged and not times):
            wrong.append(f"{spelling} is there {times} times, and noted {noted} times")
    return wrong
