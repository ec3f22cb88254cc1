"""What is done again and again: each with a name, how often, and what is done."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from payerwatch.jobs.steps import declare

_FIRST = datetime(2024, 1, 1, tzinfo=UTC)


class Periodic(NamedTuple):
    """`every` so often, counted from midnight UTC; `after` shifts that. What was missed is done once."""

    name: str
    every: timedelta
    work: Callable[[], None]
    after: timedelta = timedelta()
    finds_waiting: bool = False
    """Whether it finds steps by their cause: where there is no table of jobs that is done every minute."""

    def moment(self, now: datetime) -> datetime:
        """The last time at which it was due."""
        return now - (now - _FIRST - self.after) % self.every


def without_a_table(table: Iterable[Periodic]) -> list[Periodic]:
    """The same, where a step that waits is known by its cause alone."""
    return [each._replace(every=timedelta(minutes=1)) if each.finds_waiting else each for each in table]


class Calendar:
    """Which of them are due that this process has not seen to yet: at first, all."""

    def __init__(self, table: Iterable[Periodic]) -> None:
        self._table = tuple(table)
        self._seen: dict[str, datetime] = {}

    def due(self, now: datetime) -> Iterator[tuple[Periodic, datetime]]:
        """Each with the moment at which it was due, once it is seen to by whoever iterates."""
        for each in self._table:
            moment = each.moment(now)
            if self._seen.get(each.name) != moment:
                yield each, moment
                self._seen[each.name] = moment

    def declare(self) -> None:
        """Let the queue know what their names mean."""
        for each in self._table:
            declare(each.name, _for_nobody(each.work))


def _for_nobody(work: Callable[[], None]) -> Callable[[int, str], None]:
    def run(_customer_id: int, _public_id: str) -> None:
        work()

    return run
