"""A request while its bytes arrive: whether all of it is here, and whether it took too long.

A thread is given only what is whole, so that a client which sends half of a request and waits keeps nobody from
being answered. What the bytes mean, the server's parser decides; here it is only told how many to wait for.
"""

import re
from dataclasses import dataclass, field

LONGEST_HEAD = 1024 * 1024  # bytes; more than any that the parser accepts
END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_WAITS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Patience:
    """How many seconds a client may send nothing, and take for a whole request."""

    idle: float = 15
    total: float = 60


@dataclass
class Arriving:
    """The bytes so far; times are seconds of the monotonic clock."""

    longest_body: int
    began: float
    heard: float = 0
    received: bytearray = field(default_factory=bytearray)
    leaves_rest: bool = False
    """Whether there may be a body that is not waited for, so that the connection is of no more use."""
    _head: int = 0
    _body: int = 0

    def __post_init__(self) -> None:
        self.heard = self.began

    def add(self, data: bytes, now: float) -> None:
        searched = max(len(self.received) - len(END_OF_HEAD) + 1, 0)
        self.received += data
        self.heard = now
        if not self._head:
            end = self.received.find(END_OF_HEAD, searched)
            self._head = end + len(END_OF_HEAD) if end >= 0 else 0
            self._body = self._length() if self._head else 0

    def _length(self) -> int:
        """How many bytes of body to wait for: none where it has no length, or is one that is refused by its length."""
        head = bytes(self.received[: self._head])
        length = _LENGTH.search(head)
        asked = int(length[1]) if length else 0
        self.leaves_rest = asked > self.longest_body or _CHUNKED.search(head) is not None
        return 0 if self.leaves_rest else asked

    @property
    def whole(self) -> bool:
        """Whether the parser need not wait for more, be it to read all of it or to refuse it."""
        if not self._head:
            return len(self.received) > LONGEST_HEAD
        return len(self.received) >= self._head + self._body

    @property
    def waits_to_be_asked(self) -> bool:
        """Whether the client sends the body only when it is told to go on (RFC 9110, section 10.1.1)."""
        at_the_body = bool(self._head) and self._head == len(self.received)
        return at_the_body and not self.whole and _WAITS.search(self.received) is not None

    def late(self, patience: Patience, now: float) -> bool:
        return now - self.heard >= patience.idle or now - self.began >= patience.total
