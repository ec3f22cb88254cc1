"""Walks over a listing while others write: every row that was there throughout is seen exactly once.

On PostgreSQL threads write as fast as they can during the walk; on SQLite, which has one writer, between its pages.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random

import pytest
from django.db import connection

from payerwatch.claims.models import Claim, ReplacedClaim
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy.context import acting_in
from tests.api.makers import MAKERS, MONDAY, Practice
from tests.api.test_paging import LISTINGS, ids, page
from tests.api.world import Headers, World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.proof]

SEEDS = 19 if os.environ.get("PAYERWATCH_PROOF") == "full" else 1  # of each of the sixteen walks
WRITERS = 2
TABLES = {"claims/": Claim, "drift-events/": DriftEvent}
WALKS = [(name, order) for name in TABLES for order in LISTINGS[name].view.orders]


class Changes:
    """What writers do to one listing: more rows, fewer, and rows moved along the order; never to those that `stay`."""

    def __init__(self, world: World, listing: str, order: str, chance: Random) -> None:
        self.practice, self.listing, self.column, self.chance = world.own, listing, order.lstrip("-"), chance
        self.stay = self._made(18)
        self.come_and_go = self._made(8)
        self.done = 0

    def _made(self, number: int) -> list[str]:
        made = [MAKERS[LISTINGS[self.listing].view.thing](self.practice) for _ in range(number)]
        for each in made:
            self._move(each)
        return made

    def change(self) -> None:
        """One transaction."""
        with acting_in(self.practice.customer):
            what = self.chance.random()
            if what < 0.3:
                self.come_and_go += self._made(1)
            elif what < 0.6 and self.come_and_go:
                self._delete(self.come_and_go.pop(self.chance.randrange(len(self.come_and_go))))
            elif self.come_and_go:
                self._move(self.chance.choice(self.come_and_go))
        self.done += 1

    def _move(self, row: str) -> None:
        """Few places, so that many rows share one; and none for some, where there may be none."""
        place = self.chance.randrange(4)
        amount = None if place == 0 else place * 100
        values = {"billed_amount": amount, "amount_at_risk": amount}
        with acting_in(self.practice.customer):
            self._rows(row).update(**{self.column: values.get(self.column, MONDAY + timedelta(weeks=place))})

    def _delete(self, row: str) -> None:
        if self.listing == "claims/":
            ReplacedClaim.objects.filter(claim_id=int(row.removeprefix("clm_"))).delete()
        self._rows(row).delete()

    def _rows(self, row: str):
        known = {"pk": int(row.removeprefix("clm_"))} if self.listing == "claims/" else {"public_id": row}
        return TABLES[self.listing].objects.filter(**known)


@contextmanager
def writing(practice: Practice, changes: list[Changes]) -> Iterator[None]:
    """Threads that write until the block ends. What one fails by is raised here."""
    over, failed = threading.Event(), []

    def write(each: Changes) -> None:
        try:
            while not over.is_set():
                each.change()
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


def walked(headers: Headers, start: str, way: str, chance: Random, between) -> list[str]:
    shown = page(headers, start)
    seen, link = ids(shown), shown[way]
    while link is not None:
        between()
        shown = page(headers, f"{link}&page_size={chance.choice((1, 2, 3, 5, 8))}")
        seen += ids(shown)
        link = shown[way]
    return seen


def end_of(headers: Headers, path: str) -> str:
    """The address of the last page, to walk back from."""
    shown = link = None
    while shown is None or shown["next"]:
        link = shown["next"] if shown else f"{path}&page_size=9"
        shown = page(headers, link)
    return str(link)


@pytest.mark.parametrize("way", ["next", "previous"])
@pytest.mark.parametrize(("listing", "order"), WALKS)
def test_a_row_that_is_there_throughout_is_seen_exactly_once(listing: str, order: str, way: str, world: World):
    headers, path = world.headers("owner"), f"{LISTINGS[listing].path()}?order={order}"
    chance = Random(f"{listing}{order}{way}")
    writers = [Changes(world, listing, order, Random(chance.random())) for _ in range(WRITERS)]
    stay = {row for each in writers for row in each.stay}
    for _ in range(SEEDS):
        start = f"{path}&page_size=2" if way == "next" else end_of(headers, path)
        before = sum(each.done for each in writers)
        if connection.vendor == "postgresql":
            with writing(world.own, writers):
                seen = walked(headers, start, way, chance, lambda: None)
        else:
            seen = walked(headers, start, way, chance, lambda: [each.change() for each in writers])
        found = [each for each in seen if each in stay]
        assert sorted(found) == sorted(stay)
        assert sum(each.done for each in writers) > before
