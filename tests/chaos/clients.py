"""Clients outside: they write without a pause, keep the account of it, and try again what was not answered."""

import http.client
import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.ledger import GOOD, Brought, Ledger
from tests.journeys.test_ingest_over_http import BATCHES, claim, lines
from tests.journeys.test_uploads_over_http import UPLOADS, form
from tests.make import HEADERS, Row, row

PAYERS = ("Aetna", "Cigna", "Humana")
BATCH, FILE = 5, 400  # claims
GIVES_UP = 4
"""Each batch of so many is sent once, and never again: whatever became of it, it became so as a whole."""
PATIENCE, IMPATIENCE = 40.0, 2.0
"""Seconds; an answer that takes longer than the first fails the test. After the second is asked anew who asks again and
again."""
ENDS_WITHIN = 300.0
"""Seconds in which whoever is told to end is answered for the last time."""
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
                each.join(ENDS_WITHIN)
            assert not any(each.is_alive() for each in threads), self.ledger.answers

    def answered_within(self, seconds: float, *, since: float, writes: bool = False) -> float:
        """After how many seconds the first good answer had come to those who ask again and again from that moment of
        time.monotonic() on; of those who write, if so wished. It had to be within so many.
        """
        while (came := self.ledger.first_after(since, writes=writes)) is None:
            assert time.monotonic() - since < seconds, self.ledger.answers
            if writes:
                self._bring_batch(next(self.numbers), again=False, within=IMPATIENCE)
            else:
                self._once("GET", "/api/v1/payers/", None, self.key, within=IMPATIENCE)
            time.sleep(0.05)
        assert came < seconds, self.ledger.answers
        return came

    def _batches(self) -> None:
        for number in self._until_the_end():
            self._bring_batch(number, again=bool(number % GIVES_UP))

    def _bring_batch(self, number: int, *, again: bool, within: float = PATIENCE) -> None:
        claims = {f"B{number}-{nth}": 10_000 + nth for nth in range(BATCH)}
        payer = PAYERS[number % len(PAYERS)]
        body = lines(*(claim(each, payer=payer, billed_amount=cents / 100) for each, cents in claims.items()))
        headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": f"batch {number}"}
        brought = Brought(claims, _table(_as_row(each, payer, cents) for each, cents in claims.items()))
        self._bring(f"batch {number}", brought, BATCHES, body, headers, again=again, within=within)

    def bring_file(self, size: int) -> None:
        """Of so many claims; until it is acknowledged."""
        number = next(self.numbers)
        claims = {f"F{number}-{nth}": 20_000 + nth for nth in range(size)}
        self.bring_rows(
            f"file {number}",
            [row(number=each, payer=PAYERS[cents % 3], billed=f"{cents / 100:.2f}") for each, cents in claims.items()],
        )

    def bring_rows(self, name: str, rows: Sequence[Row]) -> None:
        """A file of these; until it is acknowledged."""
        brought = Brought({each["number"]: round(float(each["billed"]) * 100) for each in rows}, _table(rows))
        body, headers = form(brought.content, date_order="ymd")
        self._bring(name, brought, UPLOADS, body, headers, again=True)

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
        self,
        name: str,
        brought: Brought,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        again: bool,
        within: float = PATIENCE,
    ) -> None:
        self.ledger.brought[name] = brought
        brought.is_acknowledged = self._sent(path, body, headers, again=again, within=within)

    def _until_the_end(self) -> Iterator[int]:
        while not self.ending.is_set():
            yield next(self.numbers)
            time.sleep(self.pause)

    def _sent(
        self, path: str, body: bytes, headers: Mapping[str, str], *, again: bool, within: float = PATIENCE
    ) -> bool:
        """Whether it was acknowledged; sent again until it is, if so wished."""
        for _ in itertools.count():
            answer = self._once("POST", path, body, {**self.key, **headers}, within=within)
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
        self.ledger.note(answer, began, writes=method != "GET")
        return answer


def _as_row(number: str, payer: str, cents: int) -> Row:
    """The same as `claim` says of it, in a file."""
    said = {"number": number, "payer": payer, "cpt": "99213", "submitted": "2026-01-05", "decided": "2026-01-20"}
    return dict.fromkeys(HEADERS, "") | said | {"status": "Denied", "billed": f"{cents / 100:.2f}", "reason": "CO-197"}


def _table(rows: Iterable[Row]) -> bytes:
    keys = list(HEADERS)
    return "\n".join([",".join(HEADERS.values()), *(",".join(each[key] for key in keys) for each in rows)]).encode()
