"""Walking a chain from its first entry to its last, beside its head and its checkpoints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain as joined

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from payerwatch.audit.verifying.checkpoints import Checkpoint
from payerwatch.audit.verifying.definition import GENESIS, StoredEntry, chain_name, entry_digest
from payerwatch.audit.verifying.diagnosis import Break, Problem, diagnose
from payerwatch.audit.verifying.vouching import Vouched

CLOCK_TOLERANCE = 2_000_000
"""Microseconds by which an entry may seem older than the one before: clocks are corrected in small steps."""


@dataclass(frozen=True)
class Claimed:
    """What the chain is said to be: whose it is, where it starts, and its head (length, digest) as far as known.

    `other_chains` are those that an entry may have been swapped with.
    """

    customer: int | None
    first: int = 1
    previous: bytes = GENESIS
    head: tuple[int, bytes | None] | None = None
    other_chains: Sequence[int | None] = ()


@dataclass
class Verdict:
    """What was found. `problems` begins with the first bad entry; a checkpoint that cannot be trusted comes last.

    `warnings` are lines among the checkpoints that cannot be read and whose place a later one covers.
    """

    chain: str
    entries: int = 0
    """How many were found good, from the first."""
    length: int = 0
    """How many there are, as far as the head says."""
    vouched_until: int = 0
    """The newest entry that a signed checkpoint vouches for."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        return not self.problems


def verify(
    entries: Iterable[StoredEntry],
    claimed: Claimed,
    checkpoints: Sequence[Checkpoint] = (),
    key: Ed25519PublicKey | None = None,
) -> Verdict:
    """Check every entry, in the order given, until one does not continue the chain.

    1. Each digest must be the one computed from the entry and the digest before it, at the next position.
    2. Where a checkpoint stands, the digest must be the checkpoint's.
    3. No entry may be older than the one before by more than CLOCK_TOLERANCE.
    4. The last entry must be the head's, and no checkpoint may lie beyond it.
    """
    vouched = Vouched(checkpoints, key, chain_name(claimed.customer))
    walk = _Walk(claimed, vouched)
    broken = walk.along(entries) or walk.at_the_end()
    length = walk.length if claimed.head is None else max(walk.length, claimed.head[0] - claimed.first + 1)
    verdict = Verdict(chain_name(claimed.customer), walk.length, length, vouched.until(walk.position - 1))
    verdict.problems = sorted([*walk.clock, *([broken] if broken else [])], key=lambda problem: problem.position)
    verdict.problems += vouched.unsigned
    verdict.warnings = vouched.covered
    return verdict


class _Walk:
    def __init__(self, claimed: Claimed, vouched: Vouched) -> None:
        self._claimed = claimed
        self._vouched = vouched
        self.position = claimed.first
        self.previous = claimed.previous
        self.clock: list[Problem] = []
        self._last_at = 0

    @property
    def length(self) -> int:
        """How many entries were found good."""
        return self.position - self._claimed.first

    def along(self, entries: Iterable[StoredEntry]) -> Problem | None:
        """Walk until an entry does not continue the chain; what is wrong there, or None."""
        customer, following = self._claimed.customer, iter(entries)
        for entry in following:
            owner, position, at, content, previous, digest = entry
            expected = entry_digest(self.previous, self.position, at, customer, content)
            continues = digest == expected and position == self.position and previous == self.previous
            if not continues or owner != customer:
                here = Break(entry, self.position, self.previous, customer)
                return diagnose(here, joined([entry], following), self._claimed.other_chains)
            if position in self._vouched.checkpoints:
                rewritten = self._vouched.contradicts(position, digest)
                if rewritten is not None:
                    return rewritten
            if at < self._last_at - CLOCK_TOLERANCE:
                self._note_clock(entry)
            self.previous, self._last_at = digest, at
            self.position = position + 1
        return None

    def at_the_end(self) -> Problem | None:
        """The head and the checkpoints must end where the entries end."""
        last = self.position - 1
        length, digest = self._claimed.head or (last, None)
        if length < last:
            return Problem("inserted", length + 1, "stands beyond the head of the chain")
        there_were = max(length, self._vouched.last_beyond(last))
        if there_were > last:
            return Problem("cut", last + 1, f"is missing: the chain had {there_were:,} entries and ends at {last:,}")
        if digest is not None and digest != self.previous:
            return Problem("edited", last, "is not the entry that the head of the chain names")
        return None

    def _note_clock(self, entry: StoredEntry) -> None:
        if not self.clock:
            seconds = (self._last_at - entry.at) / 1_000_000
            self.clock.append(Problem("clock", entry.position, f"is {seconds:,.0f} s older than the entry before"))
