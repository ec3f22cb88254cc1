"""Sealed text: AES-256-GCM (NIST SP 800-38D) under keys derived by HKDF (RFC 5869), and blind indexes.

A sealed value is `pw1:<key id>:<base64 of nonce and ciphertext>`. Its authenticated data name the scope (a customer,
or the installation) and the purpose, so that it opens nowhere else. A blind index is HMAC-SHA-256 cut to 144 bits:
equal texts of one scope and purpose have equal indexes, which say nothing without the key.
"""

import binascii
import hmac
import os
from base64 import b64decode, b64encode, urlsafe_b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from payerwatch.refusals import Kind, Refusal

_SEALED = "pw1:"
# Begins plain text that would itself begin like one of the two.
_PLAIN = "pw0:"
_NONCE_BYTES = 12
_INDEX_BYTES = 18
INSTALLATION = "installation"


class SealBroken(Refusal):
    """A sealed value was changed, or is of another customer, another field or another key of the same name."""

    kind = Kind.UNAVAILABLE

    def __init__(self, purpose: str) -> None:
        super().__init__(
            "A sealed value cannot be opened.",
            where=f"Field: {purpose}.",
            fix="It was changed, moved from elsewhere, or sealed under another key of the same id. Restore the row.",
        )


def customer_scope(customer_id: int) -> str:
    """The scope of one customer's values."""
    return f"customer {customer_id}"


class Sealer:
    """Seals and opens the values of one purpose (such as `claim.number`) in one scope, under one key."""

    def __init__(self, key_id: str, key: bytes, *, scope: str, purpose: str) -> None:
        self._head = f"{_SEALED}{key_id}:"
        self._purpose = purpose
        self._cipher = AESGCM(_derived(key, "seal", scope))
        self._bound = "\x1f".join((_SEALED, key_id, scope, purpose)).encode()

    def seal(self, text: str) -> str:
        """The text sealed; sealed again it looks different."""
        return self._head + b64encode(self.seal_bytes(text.encode())).decode()

    def seal_bytes(self, content: bytes) -> bytes:
        """Nonce and ciphertext alone; who keeps them keeps the key's id beside."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, self._bound)

    def open(self, sealed: str) -> str:
        """The text that was sealed. Raises SealBroken."""
        try:
            return self.open_bytes(b64decode(sealed.removeprefix(self._head), validate=True)).decode()
        except (binascii.Error, ValueError):
            raise SealBroken(self._purpose) from None

    def open_bytes(self, sealed: bytes) -> bytes:
        """Reverses seal_bytes. Raises SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._bound)
        except (InvalidTag, ValueError):
            raise SealBroken(self._purpose) from None


class BlindIndex:
    """Stands for values of one purpose in one scope where they are compared but must not be read."""

    def __init__(self, key: bytes, *, scope: str, purpose: str) -> None:
        self._key = _derived(key, f"index {purpose}", scope)

    def of(self, text: str) -> str:
        """24 letters, digits, - and _."""
        return urlsafe_b64encode(hmac.digest(self._key, text.encode(), "sha256")[:_INDEX_BYTES]).decode()


def key_id_of(stored: str) -> str | None:
    """The id of the key that a stored value is sealed under; None for a plain one."""
    return stored.split(":", 2)[1] if stored.startswith(_SEALED) else None


def plain_form(text: str) -> str:
    """Text as it is stored when it is not sealed."""
    return _PLAIN + text if text.startswith((_PLAIN, _SEALED)) else text


def plain_text(stored: str) -> str:
    """Reverses plain_form."""
    return stored.removeprefix(_PLAIN)


@lru_cache(maxsize=4096)
def _derived(key: bytes, use: str, scope: str) -> bytes:
    """A key of 32 bytes for one use in one scope."""
    info = "\x1f".join(("payerwatch fields 1", use, scope)).encode()
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(key)
