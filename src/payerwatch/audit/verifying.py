"""The definition of the chain, and its verifier. It needs nothing but Python and `cryptography`.

An entry's digest is SHA-256 over, one after the other: the digest of the entry before (32 zero bytes at
position 1), the position and the time in microseconds since 1970 UTC as 8 bytes each, the most significant
first, and the UTF-8 of a JSON array without spaces: the customer's id (null for the installation's
chain), then `CONTENT`.
"""

import hashlib
import json
from collections.abc import Sequence

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

_canonical = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def entry_digest(
    previous: bytes, position: int, at_microseconds: int, customer: int | None, content: Sequence[str]
) -> bytes:
    """The digest of an entry; `content` in the order of CONTENT."""
    place = position.to_bytes(8, "big") + at_microseconds.to_bytes(8, "big", signed=True)
    return hashlib.sha256(previous + place + _canonical([customer, *content]).encode()).digest()
