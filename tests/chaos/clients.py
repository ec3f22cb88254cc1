"""Clients outside: they write without a pause, keep the account of it, and try again what was not answered."""

import http.client
import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.ledger import Brought, Ledger
from tests.journeys.test_ingest_over_http import BATCHES, claim, lines
from tests.journeys.test_uploads_over_http import UPLOADS, form
from tests.make import HEADERS, Row, row

GOOD = range(200, 300)
PAYERS = ("Aetna", "Cigna", "Humana")
BATCH, FILE = 5, 400  # claims
GIVES_UP = 4
"""Each batch of so many is sent once, and never again: whatever became of it, it became so as a whole."""
PATIENCE = 40.0
"""Seconds; an answer that takes longer fails the test."""
PAUSE, LONG_PAUSE = 0.1, 1.0
"""Seconds between two writes of a client; the long one where a fault lasts, so that no more waits then than is done in
as long."""


def served_at(port: int, method: str, path: str, body: Any, headers: Mapping[str, str], within: float) -> int:
    """The status of the answer. Raises OSError or HTTPException where there is none in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within)
    try:
        connection.request(method, path, body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


@dataclass
class Clients:
    """Of one installation; they write until they are told to end, and end once all is answered."""

    port: int
    key: Mapping[str, str]
    ledger: Ledger = field(default_factory=Ledger)
    ending: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    pause: float = PAUSE

    @contextmanager
    def writing(self) -> Iterator[None]:
        threads = [threading.Thread(target=each, daemon=True) for each in (self._batches, self._files, self._mappings)]
        self.ending.clear()
        for each in threads:
            each.start()
        try:
            yield
        finally:
            self.ending.set()
            for each in threads:
                each.join(2 * PATIENCE)
            assert not any(each.is_alive() for each in threads), self.ledger.answers

    def good_answer_within(self, seconds: float) -> float:
        """After how many seconds somebody who asks again and again is answered well."""
        began = time.monotonic()
        while self._once("GET", "/api/v1/payers/", None, self.key, within=2) not in GOOD:
            assert time.monotonic() - began < seconds, self.ledger.answers
            time.sleep(0.05)
        return time.monotonic() - began

    def _batches(self) -> None:
        for number in self._until_the_end():
            claims = {f"B{number}-{nth}": 10_000 + nth for nth in range(BATCH)}
            payer = PAYERS[number % len(PAYERS)]
            body = lines(*(claim(each, payer=payer, billed_amount=cents / 100) for each, cents in claims.items()))
            headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"batch {number}"}
            brought = Brought(claims, _table(_as_row(each, payer, cents) for each, cents in claims.items()))
            self._bring(f"batch {number}", brought, BATCHES, body, headers, again=bool(number % GIVES_UP))

    def bring_file(self, size: int) -> None:
        """Of so many claims; until it is acknowledged."""
        number = next(self.numbers)
        claims = {f"F{number}-{nth}": 20_000 + nth for nth in range(size)}
        rows = (
            row(number=each, payer=PAYERS[cents % 3], billed=f"{cents / 100:.2f}") for each, cents in claims.items()
        )
        brought = Brought(claims, _table(rows))
        body, headers = form(brought.content, date_order="ymd")
        self._bring(f"file {number}", brought, UPLOADS, body, headers, again=True)

    def _files(self) -> None:
        while not self.ending.is_set():
            self.bring_file(FILE)
            time.sleep(self.pause)

    def _mappings(self) -> None:
        for number in self._until_the_end():
            spelling = f"Spelling {number}"
            self.ledger.mapped[spelling] = False
            body = lines({"raw_name": spelling, "payer": PAYERS[number % len(PAYERS)]})
            headers = {"Content-Type": "application/json", "Idempotency-Key": spelling}
            self.ledger.mapped[spelling] = self._sent("/api/v1/payer-mappings/", body, headers, again=True)

    def _bring(
        self, name: str, brought: Brought, path: str, body: bytes, headers: Mapping[str, str], *, again: bool
    ) -> None:
        self.ledger.brought[name] = brought
        brought.is_acknowledged = self._sent(path, body, headers, again=again)

    def _until_the_end(self) -> Iterator[int]:
        while not self.ending.is_set():
            yield next(self.numbers)
            time.sleep(self.pause)

    def _sent(self, path: str, body: bytes, headers: Mapping[str, str], *, again: bool) -> bool:
        """Whether it was acknowledged; sent again until it is, if so wished."""
        for _ in itertools.count():
            answer = self._once("POST", path, body, {**self.key, **headers}, within=PATIENCE)
            if answer in GOOD or not again:
                return answer in GOOD
            time.sleep(PAUSE)
        raise AssertionError

    def _once(self, method: str, path: str, body: Any, headers: Mapping[str, str], *, within: float) -> int | str:
        began = time.monotonic()
        try:
            answer: int | str = served_at(self.port, method, path, body, headers, within)
        except (OSError, http.client.HTTPException) as error:
            answer = type(error).__name__
        self.ledger.note(answer, time.monotonic() - began)
        return answer


def _as_row(number: str, payer: str, cents: int) -> Row:
    """The same as `claim` says of it, in a file."""
    said = {"number": number, "payer": payer, "cpt": "99213", "submitted": "2026-01-05", "decided": "2026-01-20"}
    return dict.fromkeys(HEADERS, "") | said | {"status": "Denied", "billed": f"{cents / 100:.2f}", "reason": "CO-197"}


def _table(rows: Iterable[Row]) -> bytes:
    keys = list(HEADERS)
    return "\n".join([",".join(HEADERS.values()), *(",".join(each[key] for key in keys) for each in rows)]).encode()
