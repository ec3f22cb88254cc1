"""`fields=a,b`: of each document only what was asked for, and always its id."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer, ValidationError

LONGEST_NAME, LONGEST_LIST = 40, 1000
# What cannot be taken for a value, and so may be repeated: what people type in a name's place may be anything.
LIKE_A_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,{LONGEST_NAME - 1}}}", re.ASCII)


def fields_wanted(request: Request, body: type[Serializer]) -> frozenset[str] | None:
    """The fields asked for, None for all. Raises ValidationError, which names the first that there is not."""
    text = request.query_params.get("fields")
    if text is None:
        return None
    if len(text) > LONGEST_LIST:
        raise ValidationError({"fields": f"Give at most {LONGEST_LIST} characters."}, code="field_unknown")
    wanted, known = text.split(","), names_of(body)
    unknown = [each for each in wanted if each not in known]
    if unknown:
        first = unknown[0]
        named = f"There is no field {first} here." if LIKE_A_NAME.fullmatch(first) else "There is no such field here."
        raise ValidationError({"fields": f"{named} There are: {', '.join(known)}."}, code="field_unknown")
    return frozenset({*wanted, "id"})


@lru_cache(maxsize=64)
def names_of(body: type[Serializer]) -> tuple[str, ...]:
    """The fields a body has, in its order."""
    return tuple(body().fields)


def sparse(documents: Iterable[Mapping[str, Any]], wanted: frozenset[str] | None) -> list[Mapping[str, Any]]:
    if wanted is None:
        return list(documents)
    return [{name: value for name, value in each.items() if name in wanted} for each in documents]
