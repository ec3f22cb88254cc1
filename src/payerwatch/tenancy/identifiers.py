"""Public identifiers: opaque, and carrying the kind of thing they name (`upl_…`, `evt_…`)."""

import secrets

# No vowels and no look-alikes: an identifier is read out over the telephone and never spells a word.
_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_LENGTH = 16


def new_public_id(kind: str) -> str:
    """A fresh random identifier such as `upl_7k2m…`: 16 characters, 76 bits."""
    return f"{kind}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
