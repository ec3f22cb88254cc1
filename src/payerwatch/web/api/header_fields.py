"""Header fields that an operation reads, or that its answer bears, as the description has them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST_FIELD = 4000


class HeaderField(NamedTuple):
    """`schema` is what its value may be, in the words of JSON Schema."""

    name: str
    words: str
    schema: Mapping[str, Any]
    example: str | int
    required: bool = True


def text(pattern: str = r"^[\x20-\x7e]+$", longest: int = LONGEST_FIELD) -> Mapping[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": pattern}


def number(largest: int) -> Mapping[str, Any]:
    return {"type": "integer", "format": "int64", "minimum": 0, "maximum": largest}
