"""What was done to a chain, told from the entry at which it breaks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from payerwatch.audit.verifying.definition import StoredEntry, chain_name

GUESSES = 1_000_000
"""How many places are tried to find where a moved entry was written; each costs about three microseconds."""


@dataclass(frozen=True)
class Problem:
    """The first bad entry and what is wrong with it.

    `kind`: edited, deleted, inserted, reordered, swapped, cut, rewritten, clock; unvouched, where no checkpoint says
    what the entries were; customer, for one that is not there; or checkpoint and unreadable, of a line in the files
    of checkpoints, whose position is the one that it names.
    """

    kind: str
    position: int
    says: str

    def in_words(self) -> str:
        subject = "The checkpoint of entry" if self.kind in {"checkpoint", "unreadable"} else "Entry"
        return f"{subject} {self.position:,} {self.says} [{self.kind}]."


@dataclass(frozen=True)
class Break:
    """Where an entry does not continue the chain: what was found, and what should have been."""

    found: StoredEntry
    position: int
    previous: bytes
    customer: int | None


def diagnose(here: Break, remaining: Iterable[StoredEntry], other_chains: Sequence[int | None]) -> Problem:
    """Name the problem; `remaining` are the entries from the break to the end, found included."""
    rest = list(remaining)
    found, position = here.found, here.position
    if found.customer != here.customer:
        return Problem("swapped", position, f"says that it belongs to {chain_name(found.customer)}")
    if found.position > position:
        return _gap(here, rest)
    if found.position < position:
        return Problem("reordered", position, f"is not there: entry {found.position:,} stands in its place again")
    if found.is_entry(position, here.customer):
        return _unlinked(here, rest)
    origin = _origin(here, rest, other_chains)
    if origin is None:
        return Problem("edited", position, "was changed: its digest is not that of what it says")
    return _moved(here, rest, *origin)


def _gap(here: Break, rest: list[StoredEntry]) -> Problem:
    if any(entry.position == here.position for entry in rest):
        return Problem("reordered", here.position, "does not stand in its place")
    last = here.found.position - 1
    missing = "is missing" if last == here.position else f"to {last:,} are missing"
    return Problem("deleted", here.position, missing)


def _unlinked(here: Break, rest: list[StoredEntry]) -> Problem:
    """The entry is consistent in itself, but names another entry before it than the one that stands there.

    If what follows continues from this entry, it is the one before that was replaced.
    """
    follower = next((entry for entry in rest[1:] if entry.position == here.position + 1), None)
    continued = follower is None or (
        follower.previous == here.found.digest and follower.is_entry(follower.position, here.customer)
    )
    if continued and here.position > 1:
        return Problem("edited", here.position - 1, "was replaced: the next entry continues from another")
    return Problem("inserted", here.position, "does not continue from the entry before")


def _origin(here: Break, rest: list[StoredEntry], others: Sequence[int | None]) -> tuple[int, int | None] | None:
    """The position and the customer with which the entry's digest agrees, or None: then it was changed."""
    length = here.position + len(rest)
    for customer, position in islice(_places(here, length, others), GUESSES):
        if here.found.is_entry(position, customer):
            return position, customer
    return None


def _places(here: Break, length: int, others: Sequence[int | None]) -> Iterator[tuple[int | None, int]]:
    positions = sorted(range(1, length + 1), key=lambda position: abs(position - here.position))
    yield from ((customer, here.position) for customer in others)
    yield from ((here.customer, position) for position in positions)
    yield from product(others, positions)


def _moved(here: Break, rest: list[StoredEntry], written_at: int, written_for: int | None) -> Problem:
    position = here.position
    if written_for != here.customer:
        return Problem("swapped", position, f"was written as entry {written_at:,} of {chain_name(written_for)}")
    if written_at < position:
        return Problem("inserted", written_at, f"was put in: what was entry {written_at:,} stands at {position:,}")
    original = any(entry.previous == here.previous and entry.is_entry(position, here.customer) for entry in rest)
    if original:
        return Problem("reordered", position, f"was moved: what stands there was written as entry {written_at:,}")
    return Problem("deleted", position, f"is missing: what stands there was written as entry {written_at:,}")
