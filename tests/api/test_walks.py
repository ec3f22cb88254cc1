"""Walks over every listing while others write: every row that was there throughout is seen exactly once.

On PostgreSQL threads write as fast as they can during the walk; on SQLite, which has one writer, between its pages.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from random import Random

import pytest
from django.db import connection
from django.db.models import Model, ProtectedError, QuerySet
from django.db.models.functions import Now

from payerwatch.alerts.models import Alert, Rule
from payerwatch.claims.models import Claim, CptGroupMapping, Payer, PayerMapping, Upload
from payerwatch.deliveries.models import Attempt, Endpoint, Message
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.members.models import ApiKey, Invitation, Member
from payerwatch.reports.models import Report
from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.resource import NUMBERED
from tests.api.makers import MAKERS, MONDAY, Practice
from tests.api.routes import endpoints
from tests.api.test_paging import OF_ONE, ids, page
from tests.api.world import Headers, as_person, newcomer, unhindered

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]

SEEDS = 150 if os.environ.get("PAYERWATCH_PROOF") == "full" else 1  # of each order, each way
WRITERS = ("Aardvark", "Zebra")  # so that what the first adds comes among the names, not after them all
STAY, COME_AND_GO, MOST = 8, 5, 30
WALKS_OF_ONE = 5  # practice, as to fill one takes as long as a walk
LISTINGS = {each.name.removeprefix("GET "): each for each in endpoints() if each.in_pages}
EVENT_CLAIMS = "drift-events/<public_id>/claims/"
WALKS = [(name, order) for name in sorted(set(LISTINGS) - OF_ONE) for order in LISTINGS[name].view.orders or [""]]
# The column along which rows are moved where no order is asked for; by all others rows stay where they are.
ATTEMPTS = "messages/<public_id>/attempts/"
MOVED = {EVENT_CLAIMS: "submitted_date", "drift-events/active/": "amount_at_risk"}
TABLES: dict[str, type[Model]] = {
    "alert": Alert,
    "attempt": Attempt,
    "claim": Claim,
    "cpt_group_mapping": CptGroupMapping,
    "drift_event": DriftEvent,
    "drift_run": DriftRun,
    "endpoint": Endpoint,
    "invitation": Invitation,
    "key": ApiKey,
    "member": Member,
    "message": Message,
    "payer": Payer,
    "payer_mapping": PayerMapping,
    "report": Report,
    "rule": Rule,
    "upload": Upload,
}
# Listings of what belongs to one thing: that, and what they list.
PARTS = {EVENT_CLAIMS: ("drift_event", "claim"), ATTEMPTS: ("message", "attempt")}
IDLE_SECONDS = 0.002
ONLY_MORE = {"attempt", "entry", "key", "message", "report"}  # the database lets nobody delete one
_NUMBERS = count(2)


class Listing:
    """One listing of one customer, in one order, and how it gets rows."""

    def __init__(self, customer: Customer, name: str, order: str) -> None:
        self.customer, self.column = customer, order.lstrip("-") or MOVED.get(name, "")
        whole, self.thing = PARTS.get(name, ("", LISTINGS[name].view.thing))
        self.whole = MAKERS[whole](Practice(customer, "Whole")) if whole else ""
        self.path = f"{LISTINGS[name].path(public_id=self.whole)}?{f'order={order}&' if order else ''}page_size="

    def more(self, practice: Practice) -> str:
        if self.thing == "attempt":
            return self._attempt()
        row = MAKERS[self.thing](practice)
        if self.whole:
            event = DriftEvent.objects.get(public_id=self.whole)
            self.rows(row).update(payer=event.payer, cpt_group=event.cpt_group, first_decided_date=MONDAY)
        return row

    def _attempt(self) -> str:
        message = Message.objects.get(public_id=self.whole)
        made = {"message": message, "number": next(_NUMBERS), "started_at": Now(), "milliseconds": 3}
        return Attempt.objects.create(**made).public_id

    def less(self, row: str) -> None:
        """Invitations are withdrawn, as nobody can delete one."""
        if self.thing == "invitation":
            self.rows(row).update(withdrawn_at=Now())
        else:
            remove(self.rows(row))

    def rows(self, row: str) -> QuerySet:
        prefix, _, number = row.partition("_")
        return TABLES[self.thing].objects.filter(**{"pk": int(number)} if prefix in NUMBERED else {"public_id": row})

    def move(self, row: str, place: int) -> None:
        """Few places, so that many rows share one; and none for some, where there may be none."""
        amount = None if place == 0 else place * 100
        values = {"billed_amount": amount, "amount_at_risk": amount}
        if self.column:
            self.rows(row).update(**{self.column: values.get(self.column, MONDAY + timedelta(weeks=place))})


class Changes:
    """What a writer does to a listing: more rows, fewer, and rows moved along the order; never to those that `stay`."""

    def __init__(self, listing: Listing, word: str, chance: Random) -> None:
        self.listing, self.practice, self.chance = listing, Practice(listing.customer, word), chance
        with acting_in(listing.customer):
            self.stay = [self._more() for _ in range(STAY)]
            self.come_and_go = [self._more() for _ in range(COME_AND_GO)]
        self.done, self.most, self.only_more = 0, MOST, listing.thing in ONLY_MORE

    def begin_walk(self) -> None:
        """There are never more than so many, as a walk towards new rows must come to an end."""
        if self.only_more:
            self.most = len(self.come_and_go) + MOST

    def change(self) -> bool:
        """One transaction; whether there was anything to change."""
        possible = [*self._possible()]
        if not possible:
            return False
        with acting_in(self.practice.customer):
            self.chance.choice(possible)()
        self.done += 1
        return True

    def _possible(self) -> Iterator[Callable[[], None]]:
        if len(self.come_and_go) < self.most:
            yield lambda: self.come_and_go.append(self._more())
        if self.come_and_go and not self.only_more:
            yield lambda: self.listing.less(self.come_and_go.pop(self.chance.randrange(len(self.come_and_go))))
        if self.come_and_go and self.listing.column:
            yield lambda: self._move(self.chance.choice(self.come_and_go))

    def _more(self) -> str:
        row = self.listing.more(self.practice)
        self._move(row)
        return row

    def _move(self, row: str) -> None:
        self.listing.move(row, self.chance.randrange(4))


def remove(rows: QuerySet | Model) -> None:
    """What hangs on them first."""
    try:
        rows.delete()
    except ProtectedError as error:
        for each in error.protected_objects:
            remove(each)
        remove(rows)


@contextmanager
def writing(changes: list[Changes]) -> Iterator[None]:
    """Threads that write until the block ends. What one fails by is raised here."""
    over, failed = threading.Event(), []

    def write(each: Changes) -> None:
        try:
            while not over.is_set():
                if not each.change() or each.only_more:
                    time.sleep(IDLE_SECONDS)  # else all would come at once, and who waits keep the walk from going on
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(each,)) for each in changes]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed, failed


def walked(headers: Headers, path: str, way: str, chance: Random, between) -> list[str]:
    """From the beginning on; or back from the end, after it was reached."""
    shown = page(headers, f"{path}4")
    while way == "previous" and shown["next"]:
        between()
        shown = page(headers, shown["next"])
    seen, link = ids(shown), shown[way]
    while link is not None:
        between()
        shown = page(headers, f"{link}&page_size={chance.choice((1, 2, 3, 5, 8))}")
        seen += ids(shown)
        link = shown[way]
    return seen


@pytest.fixture
def _unhindered(transactional_db: None) -> Iterator[None]:
    with unhindered():
        yield


def practice_of(name: str, order: str, chance: Random) -> tuple[Listing, Headers, list[Changes]]:
    """A practice of its own, who walks, and who writes."""
    listing = Listing(add_customer(f"Practice {chance.random()}"), name, order)
    headers = as_person(newcomer(Practice(listing.customer, "Reader"), "owner"), listing.customer)
    return listing, headers, [Changes(listing, word, Random(chance.random())) for word in WRITERS]


@pytest.mark.usefixtures("_unhindered")
@pytest.mark.parametrize("way", ["next", "previous"])
@pytest.mark.parametrize(("name", "order"), WALKS)
def test_a_row_that_is_there_throughout_is_seen_exactly_once(name: str, order: str, way: str):
    for seed in range(SEEDS):
        if seed % WALKS_OF_ONE == 0:
            chance = Random(f"{name}{order}{way}{seed}")
            listing, headers, writers = practice_of(name, order, chance)
            stay = [row for each in writers for row in each.stay]
        before = [each.done for each in writers]
        for each in writers:
            each.begin_walk()
        if connection.vendor == "postgresql":
            with writing(writers):
                seen = walked(headers, listing.path, way, chance, lambda: None)
        else:
            seen = walked(headers, listing.path, way, chance, lambda now=writers: [each.change() for each in now])
        assert sorted(each for each in seen if each in stay) == sorted(stay), f"seed {seed}"
        assert all(each.done > done for each, done in zip(writers, before, strict=True))
