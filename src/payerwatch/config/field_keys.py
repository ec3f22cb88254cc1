"""The keys of sealed fields, as the environment gives them."""

import base64
import binascii
import re

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
# Short enough that a key written in the place of its id is not taken for one.
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,15}")
_LEAST_DISTINCT_BYTES = 8
_WRITTEN = "Write the newest first, as 2026b:KEY,2026a:KEY; payerwatch rotate_field_keys --new-key makes one."
_OTHER_ID = "Give the newer of them, under which nothing is sealed yet, another id, such as 2026-11-30-2."
_ONE_OF_THEM = "Take out the one under whose id nothing is sealed."
RESERVED_IDS = ("secret-key", "plain")


def read_field_keys(text: str) -> dict[str, bytes]:
    """Key id -> key of 32 bytes, newest first, from `2026b:base64,2026a:base64`; empty where sealing is off.

    Raises ImproperlyConfigured, which tells an entry by its place and never repeats any part of it.
    """
    keys: dict[str, bytes] = {}
    for place, entry in enumerate(text.split(",") if text.strip() else [], start=1):
        key_id, _, encoded = entry.strip().partition(":")
        if not _KEY_ID.fullmatch(key_id) or key_id in RESERVED_IDS or not encoded:
            raise _unusable(place, "is not written as id:key, the id being 1 to 16 small letters, digits, . _ or -")
        key = _decoded(place, encoded)
        if key_id in keys:
            raise _unusable(place, "repeats the id of an entry before it", _OTHER_ID)
        if key in keys.values():
            raise _unusable(place, "repeats the key of an entry before it", _ONE_OF_THEM)
        keys[key_id] = key
    return keys


def _decoded(place: int, encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise _unusable(place, "holds a key that is not base64") from None
    if len(key) != KEY_BYTES:
        raise _unusable(place, f"holds a key of {len(key)} bytes; it must have {KEY_BYTES}")
    if len(set(key)) < _LEAST_DISTINCT_BYTES:
        raise _unusable(place, "holds a key that is not random")
    return key


def _unusable(place: int, why: str, fix: str = _WRITTEN) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"PAYERWATCH_FIELD_KEYS: entry {place} {why}. {fix}")
