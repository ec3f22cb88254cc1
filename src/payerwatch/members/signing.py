"""Short signed statements of the installation to itself (JSON Web Tokens, RFC 7519, best practice RFC 8725).

Nothing in a token chooses how it is checked: the one algorithm is HMAC-SHA-256, the key is one of the purpose's
own, and the header must be, member for member, the header that this purpose signs with.
"""

import json
import re
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import jwt
from django.utils import timezone
from jwt.utils import base64url_decode

from payerwatch.members.secrets import CredentialRefused, accepted_keys, signing_key

ISSUER = "payerwatch"
ALGORITHM = "HS256"
LONGEST = 2048
# PyJWT takes padding as well; there is one way to write each token.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}", re.ASCII)
# Machines that serve one installation may differ so much in what time it is.
CLOCK_DIFFERENCE = timedelta(seconds=5)


class Purpose(Enum):
    """What a token is for: its type and its audience; each purpose has keys of its own."""

    ACCESS = "at+jwt"
    REFRESH = "refresh+jwt"
    DEVICE = "device+jwt"


def sign(purpose: Purpose, expires_at: datetime, **claims: str | int | None) -> str:
    """The claims as a token of this purpose."""
    signed_with = signing_key(purpose.value)
    usual = {"iss": ISSUER, "aud": _audience(purpose), "iat": timezone.now(), "exp": expires_at}
    return jwt.encode(usual | claims, signed_with.key, ALGORITHM, _header(purpose, signed_with.id))


def verify(purpose: Purpose, text: str, *required: str) -> dict[str, Any]:
    """The claims of a token of this purpose that is in force, those required being text. Raises CredentialRefused."""
    if len(text) > LONGEST or not _FORM.fullmatch(text):
        raise CredentialRefused
    try:
        claims = _decoded(purpose, text, required)
    except jwt.InvalidTokenError:
        raise CredentialRefused from None
    if not all(isinstance(claims[name], str) for name in required):
        raise CredentialRefused
    return claims


def _decoded(purpose: Purpose, text: str, required: tuple[str, ...]) -> dict[str, Any]:
    header = _header_of(text)
    for key_id, key in accepted_keys(purpose.value).items():
        if header == _header(purpose, key_id):
            return jwt.decode(
                text,
                key,
                algorithms=[ALGORITHM],
                audience=_audience(purpose),
                issuer=ISSUER,
                leeway=CLOCK_DIFFERENCE,
                options={"require": ["iss", "aud", "iat", "exp", *required], "strict_aud": True},
            )
    raise CredentialRefused


def _header_of(text: str) -> Any:
    """What the token says of itself. Raises InvalidTokenError."""
    try:
        return json.loads(base64url_decode(text.partition(".")[0]))
    except (ValueError, RecursionError):
        raise jwt.InvalidTokenError from None


def _header(purpose: Purpose, key_id: str) -> dict[str, Any]:
    return {"alg": ALGORITHM, "typ": purpose.value, "kid": key_id}


def _audience(purpose: Purpose) -> str:
    return f"payerwatch {purpose.name.lower()}"
