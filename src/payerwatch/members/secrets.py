"""Random secrets, what is stored of them, and the keys that sign for one purpose each."""

import hashlib
import secrets
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from payerwatch.refusals import Kind, Refusal

SECRET_BYTES = 24
_KEY_BYTES = 32


class CredentialRefused(Refusal):
    """A cookie, token or key does not let in. Which of its parts is wrong is not said."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self) -> None:
        super().__init__("This credential is not accepted.", fix="Sign in again, or use a key that is in force.")


@dataclass(frozen=True)
class Origin:
    """Where a request comes from: address, program, request id, and the text of the known-device cookie."""

    address: str = ""
    agent: str = ""
    request_id: str = ""
    device: str = ""

    def __post_init__(self) -> None:
        printable = "".join(letter for letter in self.agent if letter.isprintable())
        object.__setattr__(self, "agent", printable.strip()[:200])


@dataclass(frozen=True)
class SigningKey:
    """A key for HMAC-SHA-256 that signs for one purpose; `id` names it without telling anything of it."""

    id: str
    key: bytes


def new_secret() -> str:
    """A fresh secret of 192 random bits: 32 characters that may stand in an address or a cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(text: str) -> str:
    """SHA-256 in hexadecimal: what is stored of a secret that is itself too long to be guessed."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def signing_key(purpose: str) -> SigningKey:
    """The key that signs for this purpose now."""
    return _derived(settings.SECRET_KEY, purpose)


def accepted_keys(purpose: str) -> dict[str, bytes]:
    """The keys whose signatures are accepted for this purpose, by id: the present one and its predecessors."""
    keys = [_derived(secret, purpose) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return {each.id: each.key for each in keys}


@cache
def _derived(secret: str, purpose: str) -> SigningKey:
    """HKDF (RFC 5869) with the purpose as its context: no key of one purpose verifies for another."""
    key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"payerwatch {purpose}".encode()).derive(secret.encode())
    return SigningKey(hashlib.sha256(b"key id" + key).hexdigest()[:16], key)
