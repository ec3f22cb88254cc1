"""Signatures of Standard Webhooks 1.0: HMAC-SHA-256 over `id.timestamp.body`, one for each secret in force.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence

from payerwatch.refusals import Kind, Refusal

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_PREFIX = "whsec_"
SECRET_BYTES = 32
SHORTEST_SECRET, LONGEST_SECRET = 24, 64  # bytes, as the specification says
TOLERANCE_SECONDS = 300


class SecretUnusable(Refusal):
    """A signing secret is not written as `whsec_` and the base64 of 24 to 64 bytes."""

    def __init__(self) -> None:
        super().__init__(
            "This is no signing secret.",
            fix=f"Write {SECRET_PREFIX} and the base64 of {SHORTEST_SECRET} to {LONGEST_SECRET} random bytes.",
        )


class SignatureMissing(Refusal):
    """Signed messages are expected here, and this one is not signed."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self) -> None:
        super().__init__("This is not signed.", fix=f"Send {ID}, {TIMESTAMP} and {SIGNATURE}: see docs/webhooks.md.")


class SignatureWrong(Refusal):
    """The signature is not that of this body, id and time under a secret that is in force."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self) -> None:
        super().__init__(
            "The signature does not fit.", fix="Sign the bytes that are sent, with the secret that is in force."
        )


class SignatureStale(Refusal):
    """What was signed says a time more than five minutes from now: it may be sent again by somebody else."""

    kind = Kind.UNKNOWN_CALLER

    def __init__(self) -> None:
        super().__init__(
            "It was signed more than five minutes ago, or ahead of time.",
            where=TIMESTAMP,
            fix="Sign anew each time it is sent, and set the clock by NTP.",
        )


def new_secret() -> str:
    """A fresh secret of 256 random bits, as receivers' libraries take it."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes to sign with. Raises SecretUnusable."""
    try:
        key = b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SecretUnusable from None
    if not secret.startswith(SECRET_PREFIX) or not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise SecretUnusable
    return key


def signed(message_id: str, at: int, body: bytes, secrets_in_force: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt at `at` (Unix seconds): receivers accept it if they know any of the secrets."""
    signatures = (_signature(key_of(secret), message_id, str(at), body) for secret in secrets_in_force)
    return {ID: message_id, TIMESTAMP: str(at), SIGNATURE: " ".join(signatures)}


def refuse_unless_signed(headers: Mapping[str, str], body: bytes, secrets_in_force: Iterable[str], *, now: int) -> None:
    """Raises SignatureMissing, SignatureStale or SignatureWrong. `headers` finds a name in any case of letters."""
    message_id, at, given = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (message_id and at and given):
        raise SignatureMissing
    if not (at.isascii() and at.isdigit() and abs(int(at[:12]) - now) <= TOLERANCE_SECONDS):
        raise SignatureStale
    right = [_signature(key_of(secret), message_id, at, body) for secret in secrets_in_force]
    pairs = [(one.encode(), each.encode()) for one in right for each in given.split(" ")]
    if not any(hmac.compare_digest(*pair) for pair in pairs):
        raise SignatureWrong


def _signature(key: bytes, message_id: str, at: str, body: bytes) -> str:
    content = b".".join((message_id.encode("utf-8", "surrogatepass"), at.encode(), body))
    return "v1," + b64encode(hmac.digest(key, content, "sha256")).decode()
