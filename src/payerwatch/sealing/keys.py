"""The keys of this installation, and what seals and opens with them."""

import base64
import secrets
from contextlib import suppress
from datetime import date
from itertools import count

from django.conf import settings
from django.utils.encoding import force_bytes

from payerwatch.config.field_keys import KEY_BYTES
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.sealing import (
    INSTALLATION,
    BlindIndex,
    SealBroken,
    Sealer,
    customer_scope,
    key_id_of,
    plain_form,
    plain_text,
)

# The id under which secrets are sealed where no field keys are set: the key is Django's SECRET_KEY.
SECRET_KEY_ID = "secret-key"


class FieldKeyMissing(Refusal):
    """Something is sealed under a key that PAYERWATCH_FIELD_KEYS does not hold."""

    kind = Kind.UNAVAILABLE

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The field key {key_id[:16]!r} is missing.",
            where="PAYERWATCH_FIELD_KEYS",
            fix="Put the key of this id back, behind newer ones; drop it only after payerwatch rotate_field_keys.",
        )


class FieldKeysNotSet(Refusal):
    """Sealing was asked for and PAYERWATCH_FIELD_KEYS holds no key."""

    kind = Kind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "There is no field key to seal under.",
            where="PAYERWATCH_FIELD_KEYS",
            fix="Make one with: payerwatch rotate_field_keys --new-key",
        )


def new_key() -> str:
    """A fresh random key in base64, to be put into PAYERWATCH_FIELD_KEYS behind an id and a colon."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def free_key_id(day: date) -> str:
    """An id for a key made on that day that none of PAYERWATCH_FIELD_KEYS has: 2026-11-30, then 2026-11-30-2."""
    ids = (f"{day}-{number}" if number > 1 else str(day) for number in count(1))
    return next(key_id for key_id in ids if key_id not in settings.FIELD_KEYS)


def newest_key_id() -> str | None:
    """The key that new values are sealed under; None where sealing is off."""
    return next(iter(settings.FIELD_KEYS), None)


def customer_sealer(customer_id: int, purpose: str, key_id: str) -> Sealer:
    """Seals one purpose's values of a customer. Raises FieldKeyMissing."""
    return Sealer(key_id, _key(key_id), scope=customer_scope(customer_id), purpose=purpose)


def customer_index(customer_id: int, purpose: str, key_id: str) -> BlindIndex:
    """The blind index of one purpose's values of a customer. Raises FieldKeyMissing."""
    return BlindIndex(_key(key_id), scope=customer_scope(customer_id), purpose=purpose)


def seal(text: str, *, customer_id: int, purpose: str, key_id: str | None) -> str:
    """A customer's text as it is stored: sealed under the key, or plain under None. Raises FieldKeyMissing."""
    return plain_form(text) if key_id is None else customer_sealer(customer_id, purpose, key_id).seal(text)


def unseal(stored: str, *, customer_id: int, purpose: str) -> str:
    """A customer's text from its stored form, sealed or plain. Raises FieldKeyMissing or SealBroken."""
    key_id = key_id_of(stored)
    return plain_text(stored) if key_id is None else customer_sealer(customer_id, purpose, key_id).open(stored)


def seal_bytes(content: bytes, *, customer_id: int, purpose: str, key_id: str | None) -> tuple[str, bytes]:
    """A customer's bytes, never plain: under the field key, or (None) under SECRET_KEY; with the id of that key."""
    used, key = (SECRET_KEY_ID, _secret_keys()[0]) if key_id is None else (key_id, _key(key_id))
    return used, Sealer(used, key, scope=customer_scope(customer_id), purpose=purpose).seal_bytes(content)


def unseal_bytes(key_id: str, sealed: bytes, *, customer_id: int, purpose: str) -> bytes:
    """The bytes that `seal_bytes` sealed for the same purpose. Raises FieldKeyMissing or SealBroken."""
    for key in _secret_keys() if key_id == SECRET_KEY_ID else [_key(key_id)]:
        with suppress(SealBroken):
            return Sealer(key_id, key, scope=customer_scope(customer_id), purpose=purpose).open_bytes(sealed)
    raise SealBroken(purpose)


def seal_secret(text: str, purpose: str) -> str:
    """A secret of the installation, never plain: sealed under the newest field key, else under SECRET_KEY."""
    return seal_secret_under(newest_key_id(), text, purpose)


def seal_secret_under(key_id: str | None, text: str, purpose: str) -> str:
    """As `seal_secret`, under this field key; None: under SECRET_KEY. Raises FieldKeyMissing."""
    if key_id is None:
        return _secret_sealer(SECRET_KEY_ID, _secret_keys()[0], purpose).seal(text)
    return _secret_sealer(key_id, _key(key_id), purpose).seal(text)


def unseal_secret(sealed: str, purpose: str) -> str:
    """The secret that `seal_secret` sealed for the same purpose. Raises FieldKeyMissing or SealBroken."""
    key_id = key_id_of(sealed)
    if key_id is None:
        raise SealBroken(purpose)
    for key in _secret_keys() if key_id == SECRET_KEY_ID else [_key(key_id)]:
        with suppress(SealBroken):
            return _secret_sealer(key_id, key, purpose).open(sealed)
    raise SealBroken(purpose)


def _secret_keys() -> list[bytes]:
    """SECRET_KEY and those before it that still count."""
    return [force_bytes(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _secret_sealer(key_id: str, key: bytes, purpose: str) -> Sealer:
    return Sealer(key_id, key, scope=INSTALLATION, purpose=purpose)


def _key(key_id: str) -> bytes:
    try:
        key: bytes = settings.FIELD_KEYS[key_id]
    except KeyError:
        raise FieldKeyMissing(key_id) from None
    return key
