"""What an entry's digest is.

SHA-256 over, one after the other: the digest of the entry before (32 zero bytes at position 1), the position and
the time in microseconds since 1970 UTC as 8 bytes each, the most significant first, and the UTF-8 of a JSON array
without spaces: the customer's id (null in the installation's chain), then the columns of CONTENT. The JSON escapes
quotation marks, backslashes and control characters only.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring
from typing import NamedTuple

GENESIS = bytes(32)
CONTENT = (
    "actor_kind",
    "actor_id",
    "actor_name",
    "role",
    "address",
    "request_id",
    "verb",
    "thing_kind",
    "thing_id",
    "outcome",
    "detail",
)
INSTALLATION = "installation"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class StoredEntry(NamedTuple):
    """An entry as it was found: `at` in microseconds since 1970 UTC, `content` in the order of CONTENT."""

    customer: int | None
    position: int
    at: int
    content: tuple[str, ...]
    previous: bytes
    digest: bytes

    def is_entry(self, position: int, customer: int | None) -> bool:
        """Whether its digest says that it was written at this position of this customer's chain."""
        return self.digest == entry_digest(self.previous, position, self.at, customer, self.content)


def entry_digest(previous: bytes, position: int, at: int, customer: int | None, content: Sequence[str]) -> bytes:
    """The digest of an entry; `at` in microseconds since 1970 UTC, `content` in the order of CONTENT."""
    place = position.to_bytes(8, "big") + at.to_bytes(8, "big", signed=True)
    said = ",".join(("null" if customer is None else str(customer), *map(encode_basestring, content)))
    return hashlib.sha256(previous + place + f"[{said}]".encode("utf-8", "surrogatepass")).digest()


def microseconds(at: datetime) -> int:
    """Since 1970 UTC, exact."""
    return (at - _EPOCH) // _MICROSECOND


def chain_name(customer: int | None) -> str:
    """What checkpoints and exports call a chain: `customer-7`, or `installation`."""
    return INSTALLATION if customer is None else f"customer-{customer}"


def customer_of_chain(name: str) -> int | None:
    """The number in a chain's name; None for the installation's, and for what is no chain's name."""
    number = name.removeprefix("customer-")
    return int(number) if number != name and number.isdecimal() and number.isascii() else None
