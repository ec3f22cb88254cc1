"""The keys of backups, as the environment gives them."""

import base64
import binascii
import secrets

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
_LEAST_DISTINCT_BYTES = 8


def new_backup_key() -> str:
    """A fresh random key in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_backup_keys(words: list[str]) -> list[bytes]:
    """Keys of 32 bytes, newest first, from base64. Raises ImproperlyConfigured, which repeats no part of one."""
    return [_decoded(place, word) for place, word in enumerate(words, start=1)]


def _decoded(place: int, word: str) -> bytes:
    try:
        key = base64.b64decode(word.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) < _LEAST_DISTINCT_BYTES:
        raise ImproperlyConfigured(
            f"PAYERWATCH_BACKUP_KEY: entry {place} is not {KEY_BYTES} random bytes in base64. "
            "Write the newest first, with commas; payerwatch backup --new-key makes one."
        )
    return key
