"""What signed checkpoints vouch for.

Verifying a signature costs thirty times as much as verifying an entry, so not all are: the newest of each file, whose
digest covers every entry before it, and each that contradicts what was found.
"""

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from payerwatch.audit.verifying.checkpoints import Checkpoint
from payerwatch.audit.verifying.diagnosis import Problem


class Vouched:
    """The checkpoints of one chain. Without a key all are believed."""

    def __init__(self, checkpoints: Sequence[Checkpoint], key: Ed25519PublicKey | None, chain: str) -> None:
        self._key = key
        self._chain = chain
        self.unsigned: list[Problem] = []
        self.covered: list[Problem] = []
        """Lines that cannot be read, as of a disk that was full, before a signed checkpoint that covers their place."""
        self.checkpoints: dict[int, list[Checkpoint]] = {}
        newest = {each.at[:7]: each for each in checkpoints}  # a file holds a month
        checked = {each: self._is_signed(each) for each in newest.values()}
        signed = [place for place, each in enumerate(checkpoints) if each.chain == chain and checked.get(each)]
        for place, each in enumerate(checkpoints):
            if each.chain == chain and checked.get(each, True):
                self.checkpoints.setdefault(each.position, []).append(each)
            elif not each.chain and signed and place < signed[-1]:
                self.covered.append(Problem("unreadable", each.position, f"cannot be read ({each.source})"))
            else:
                self._distrust(each)

    def contradicts(self, position: int, digest: bytes) -> Problem | None:
        """The problem, if a signed checkpoint names another digest for this entry."""
        found = digest.hex()
        for each in self.checkpoints.get(position, ()):
            if each.digest == found:
                continue
            if self._is_signed(each):
                return self._rewritten(position)
            self._distrust(each)
        return None

    def last_beyond(self, position: int) -> int:
        """The furthest position beyond this one that a signed checkpoint names, else 0."""
        for beyond in sorted((known for known in self.checkpoints if known > position), reverse=True):
            for each in self.checkpoints[beyond]:
                if self._is_signed(each):
                    return beyond
                self._distrust(each)
        return 0

    def until(self, position: int) -> int:
        """The newest position up to this one that a signed checkpoint names, else 0."""
        known = sorted((each for each in self.checkpoints if each <= position), reverse=True)
        return next((each for each in known if any(map(self._is_signed, self.checkpoints[each]))), 0)

    def _rewritten(self, position: int) -> Problem:
        """All entries after the last one vouched for may have been written anew."""
        first = self.until(position - 1) + 1
        place = f"is not what it was: entries {first:,} to {position:,} were written anew" if first < position else ""
        return Problem("rewritten", first, place or "is not the entry its signed checkpoint names")

    def _is_signed(self, checkpoint: Checkpoint) -> bool:
        return self._key is None or checkpoint.is_signed_with(self._key)

    def _distrust(self, checkpoint: Checkpoint) -> None:
        if not self.unsigned:
            says = (
                "is not signed with the key" if checkpoint.chain == self._chain else "is not a checkpoint of the chain"
            )
            self.unsigned.append(Problem("checkpoint", checkpoint.position, f"{says} ({checkpoint.source})"))
