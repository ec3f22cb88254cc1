"""Tokens made to be taken for something they are not: every one is refused, and none reaches the database."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from payerwatch.members import tokens
from payerwatch.members.secrets import CredentialRefused, Origin, signing_key
from payerwatch.members.signing import Purpose, sign
from payerwatch.members.tokens import read_access

pytestmark = pytest.mark.pure

ACCESS = signing_key(Purpose.ACCESS.value)
NOW = datetime.now(UTC)
HEADER = {"alg": "HS256", "typ": "at+jwt", "kid": ACCESS.id}
CLAIMS = {
    "iss": "payerwatch",
    "aud": "payerwatch access",
    "iat": int(NOW.timestamp()),
    "exp": int((NOW + timedelta(days=2)).timestamp()),  # longer than all tests take
    "sub": "per_2222222222222222",
    "sid": "ses_2222222222222222",
    "cus": 1,
    "jti": "a" * 32,
}


def encoded(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def token(header: Any, claims: Any, key: bytes = ACCESS.key, hashed: Any = hashlib.sha256) -> str:
    """The content signed with HMAC, whatever the header says."""
    signed = f"{encoded(header)}.{encoded(claims)}"
    return f"{signed}.{encoded(hmac.new(key, signed.encode(), hashed).digest())}"


def with_header(**changed: Any) -> str:
    return token(HEADER | changed, CLAIMS)


def with_claims(**changed: Any) -> str:
    return token(HEADER, CLAIMS | changed)


def without_claim(name: str) -> str:
    return token(HEADER, {each: value for each, value in CLAIMS.items() if each != name})


def unsigned(alg: str) -> str:
    return f"{encoded(HEADER | {'alg': alg})}.{encoded(CLAIMS)}."


GOOD = token(HEADER, CLAIMS)
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEADER_PART, CLAIMS_PART, SIGNATURE_PART = GOOD.split(".")
LATER = int((NOW + timedelta(days=1)).timestamp())

CONFUSED = {
    # No signature, in any spelling
    **{f"alg {alg}": unsigned(alg) for alg in ("none", "None", "NONE", "nOnE", "none ", "", "\x00none")},
    **{f"alg {alg} with a signature": with_header(alg=alg) for alg in ("none", "NoNe", "hs256", "HS256 ", "RS256")},
    "alg left out": token({"typ": "at+jwt", "kid": ACCESS.id}, CLAIMS),
    "alg null": with_header(alg=None),
    "alg a list": with_header(alg=["HS256"]),
    "no signature under HS256": f"{HEADER_PART}.{CLAIMS_PART}.",
    # Another algorithm
    "HS384 with our key": token(HEADER | {"alg": "HS384"}, CLAIMS, hashed=hashlib.sha384),
    "HS512 with our key": token(HEADER | {"alg": "HS512"}, CLAIMS, hashed=hashlib.sha512),
    "RS256 with their own key": jwt.encode(CLAIMS, PRIVATE, "RS256", {"typ": "at+jwt", "kid": ACCESS.id}),
    "HS256 with a public key as the secret": token(HEADER, CLAIMS, PUBLIC_PEM),
    # Another key
    "empty key": token(HEADER, CLAIMS, b""),
    "the secret key itself": token(HEADER, CLAIMS, settings.SECRET_KEY.encode()),
    "the key id as the key": token(HEADER, CLAIMS, ACCESS.id.encode()),
    "the key of refresh tokens": token(HEADER, CLAIMS, signing_key(Purpose.REFRESH.value).key),
    "the key of devices": token(HEADER, CLAIMS, signing_key(Purpose.DEVICE.value).key),
    "the key of refresh tokens by its id": token(
        HEADER | {"kid": signing_key(Purpose.REFRESH.value).id}, CLAIMS, signing_key(Purpose.REFRESH.value).key
    ),
    # The key's name
    **{
        f"kid {kid!r}": token(HEADER | {"kid": kid}, CLAIMS, key)
        for key in (ACCESS.key, b"", b"\x00")
        for kid in (
            "",
            "../../../../dev/null",
            "/proc/sys/kernel/randomize_va_space",
            "x' UNION SELECT 'k'; --",
            "https://attacker.example/jwks.json",
            "file:///dev/null",
            "|id",
            ACCESS.id + "\x00",
            ACCESS.id.upper() + " ",
            "k" * 500,
        )
    },
    "kid left out": token({"alg": "HS256", "typ": "at+jwt"}, CLAIMS),
    "kid null": with_header(kid=None),
    "kid a number": with_header(kid=1),
    "kid a list": with_header(kid=[ACCESS.id]),
    "kid an object": with_header(kid={"id": ACCESS.id}),
    # Where to find the key
    "jku": with_header(jku="https://attacker.example/jwks.json"),
    "x5u": with_header(x5u="https://attacker.example/cert.pem"),
    "x5c": with_header(x5c=["MIIB"]),
    "jwk": with_header(jwk={"kty": "oct", "k": encoded(b"k" * 32)}),
    "crit": with_header(crit=["exp"]),
    "b64 false": with_header(b64=False, crit=["b64"]),
    "zip": with_header(zip="DEF"),
    "cty": with_header(cty="JWT"),
    "an unknown member": with_header(extra=1),
    # Another kind of token
    **{
        f"typ {typ!r}": with_header(typ=typ) for typ in ("JWT", "at+JWT", "application/at+jwt", "refresh+jwt", "", None)
    },
    "typ left out": token({"alg": "HS256", "kid": ACCESS.id}, CLAIMS),
    "a refresh token": sign(Purpose.REFRESH, NOW + timedelta(days=1), sub="per_2", sid="ses_2", jti="a", cus=1),
    "a device": sign(Purpose.DEVICE, NOW + timedelta(days=1), sub="per_2", sid="ses_2", jti="a", cus=1),
    "an encrypted token's form": f"{HEADER_PART}..{CLAIMS_PART}.{SIGNATURE_PART}.{SIGNATURE_PART}",
    "a nested token": token(HEADER, GOOD.encode()),
    # From or for someone else, and its time
    "iss another": with_claims(iss="another"),
    "iss a list": with_claims(iss=["payerwatch"]),
    "aud another": with_claims(aud="payerwatch refresh"),
    "aud a list with ours": with_claims(aud=["payerwatch access", "another"]),
    "aud null": with_claims(aud=None),
    "expired": with_claims(exp=int((NOW - timedelta(seconds=30)).timestamp())),
    "exp no number": with_claims(exp="never"),
    "exp infinite": token(HEADER, json.dumps(CLAIMS).replace(str(CLAIMS["exp"]), "Infinity").encode()),
    "exp not a number": token(HEADER, json.dumps(CLAIMS).replace(str(CLAIMS["exp"]), "NaN").encode()),
    "exp too large": token(HEADER, json.dumps(CLAIMS).replace(str(CLAIMS["exp"]), "1e400").encode()),
    "issued later": with_claims(iat=LATER),
    "not before later": with_claims(nbf=LATER),
    "nbf no number": with_claims(nbf="now"),
    **{f"without {name}": without_claim(name) for name in CLAIMS},
    "sub no text": with_claims(sub=1),
    "sid no text": with_claims(sid={"$ne": ""}),
    "cus a text": with_claims(cus="1"),
    "cus a truth": with_claims(cus=True),
    "cus negative": with_claims(cus=-1),
    "cus a fraction": with_claims(cus=1.5),
    "cus beyond any id": with_claims(cus=2**63),
    "jti no text": with_claims(jti=1),
    # Its form
    "empty": "",
    "dots": "..",
    "one segment": HEADER_PART,
    "two segments": f"{HEADER_PART}.{CLAIMS_PART}",
    "four segments": f"{GOOD}.{SIGNATURE_PART}",
    "a dot before": f".{GOOD}",
    "a dot after": f"{GOOD}.",
    "two dots": GOOD.replace(".", "..", 1),
    "a blank before": f" {GOOD}",
    "a line after": f"{GOOD}\n",
    "a NUL after": f"{GOOD}\x00",
    "padded": f"{HEADER_PART}=.{CLAIMS_PART}.{SIGNATURE_PART}",
    "padded signature": f"{GOOD}=",
    "standard base64": f"{HEADER_PART}.{CLAIMS_PART}.{SIGNATURE_PART[:-1]}+",
    "junk in base64": f"{HEADER_PART}.{CLAIMS_PART}.{SIGNATURE_PART[:10]}!{SIGNATURE_PART[10:]}",
    "not canonical base64": f"{HEADER_PART}.{CLAIMS_PART}.{SIGNATURE_PART[:-1]}{chr(ord(SIGNATURE_PART[-1]) + 1)}",
    "cut signature": GOOD[:-2],
    "claims changed": f"{HEADER_PART}.{encoded(CLAIMS | {'cus': 2})}.{SIGNATURE_PART}",
    "claims no JSON": token(HEADER, b"no"),
    "claims a list": token(HEADER, [CLAIMS]),
    "claims no UTF-8": token(HEADER, b"\xff\xfe"),
    "header no JSON": token(b"no", CLAIMS),
    "header a list": token([HEADER], CLAIMS),
    "header nested deeply": token(b"[" * 600 + b"]" * 600, CLAIMS),
    "huge": token(HEADER, CLAIMS | {"padding": "x" * 1_000_000}),
    "letters that look alike": GOOD.replace("e", "е", 1),
    "a surrogate": GOOD + "\ud800",
    "full width": "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in GOOD),
}


def test_the_token_that_all_others_differ_from_is_accepted():
    assert read_access(GOOD).session_id == CLAIMS["sid"]


@pytest.mark.parametrize("name", CONFUSED)
def test_a_confused_token_is_refused(name):
    with pytest.raises(CredentialRefused):
        read_access(CONFUSED[name])


@pytest.mark.parametrize("name", CONFUSED)
def test_no_confused_token_refreshes_or_reaches_the_database(name):
    """This test has no database: whatever asked it would fail."""
    if name == "a refresh token":
        return
    with pytest.raises(CredentialRefused):
        tokens.refresh(CONFUSED[name], origin=Origin(), arrived_at=NOW)


def test_an_access_token_refreshes_nothing():
    with pytest.raises(CredentialRefused):
        tokens.refresh(GOOD, origin=Origin(), arrived_at=NOW)


def test_all_refusals_are_alike():
    said = set()
    for confused in CONFUSED.values():
        with pytest.raises(CredentialRefused) as refused:
            read_access(confused)
        said.add(str(refused.value.as_dict()))
    assert len(said) == 1


@pytest.mark.pure
def test_a_header_nested_beyond_reading_is_refused():
    deep = base64.urlsafe_b64encode(b"[" * 1400).decode().rstrip("=")
    with pytest.raises(CredentialRefused):
        read_access(f"{deep}.e30.{'A' * 43}")
