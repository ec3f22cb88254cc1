"""A request while its bytes arrive: whether all of it is here, and whether it took too long.

A thread is given only what is whole, so that a client which sends half of a request and waits keeps nobody from
being answered. What the bytes mean, the server's parser decides; here it is only told how many to wait for.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

LONGEST_HEAD = 1024 * 1024  # bytes; more than any that the parser accepts
END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_NUMBER = re.compile(rb"0*([0-9]{1,18})")
_CODED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_CREDENTIAL = re.compile(rb"\r\n(authorization|cookie):[ \t]*[^ \t\r]", re.IGNORECASE)
_REQUEST_LINE = re.compile(rb"([A-Z]{1,10}) (/[^ ?#]*)[^ ]* HTTP/1\.[01]\r\n")
SLOWEST = 64 * 1024  # bytes a second on the average, of a body longer than usual
_WAITS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Patience:
    """How many seconds a client may send nothing, and take for a whole request."""

    idle: float = 15
    total: float = 60


@dataclass(frozen=True)
class Limits:
    """The longest body of any request, and (method, path) the longest there, if whoever asks shows a credential."""

    usual: int
    of: Callable[[str, str], int]


@dataclass
class Arriving:
    """The bytes so far; times are seconds of the monotonic clock."""

    limits: Limits
    began: float
    heard: float = 0
    received: bytearray = field(default_factory=bytearray)
    leaves_rest: bool = False
    """Whether there may be a body that is not waited for, so that the connection is of no more use."""
    in_pieces: bool = False
    """Whether its body comes in a transfer coding, which nobody here reads: it would be taken for none at all."""
    is_large: bool = False
    """Whether its body is longer than those of most requests may be."""
    _head: int = 0
    _body: int = 0
    _asked: float = 0
    """When the head was complete."""

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
            self._asked = now

    def _length(self) -> int:
        """How many bytes of body to wait for: none where it has no length, or is one that is refused by its length."""
        head = bytes(self.received[: self._head])
        length = _LENGTH.search(head)
        number = _NUMBER.fullmatch(length[1]) if length else None
        asked = int(number[1]) if number else 0
        self.in_pieces = _CODED.search(head) is not None
        unknown = self.in_pieces or (length is not None and number is None)
        self.is_large = asked > self.limits.usual and not unknown and asked <= self._longest(head)
        self.leaves_rest = unknown or (asked > self.limits.usual and not self.is_large)
        return 0 if self.leaves_rest else asked

    def _longest(self, head: bytes) -> int:
        """What is longest where the request goes; only asked of one whose body is longer than usual."""
        line = _REQUEST_LINE.match(head)
        if line is None or _CREDENTIAL.search(head) is None:
            return self.limits.usual
        return self.limits.of(line[1].decode(), unquote(line[2].decode("latin-1")))

    @property
    def whole(self) -> bool:
        """Whether the parser need not wait for more, be it to read all of it or to refuse it."""
        if not self._head:
            return len(self.received) > LONGEST_HEAD
        return len(self.received) >= self._head + self._body

    @property
    def size(self) -> int:
        """How many bytes it is going to have, as far as is known."""
        return max(self._head + self._body, len(self.received))

    @property
    def waits_to_be_asked(self) -> bool:
        """Whether the client sends the body only when it is told to go on (RFC 9110, section 10.1.1)."""
        at_the_body = bool(self._head) and self._head == len(self.received)
        return at_the_body and not self.whole and _WAITS.search(self.received) is not None

    def late(self, patience: Patience, now: float) -> bool:
        """Whether the client says nothing for too long, or takes too long.

        What is large may take longer, at a pace that it keeps: room is kept for all of it, which others wait for.
        """
        if now - self.heard >= patience.idle:
            return True
        if self.is_large:
            return len(self.received) - self._head < SLOWEST * (now - self._asked - patience.idle)
        return now - self.began >= patience.total
