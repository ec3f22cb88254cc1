"""What is signed here is verified by the library that receivers use; anything changed is refused by both."""

import base64
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from payerwatch.deliveries.signing import (
    SecretUnusable,
    SignatureMissing,
    SignatureStale,
    SignatureWrong,
    key_of,
    new_secret,
    refuse_unless_signed,
    signed,
)

pytestmark = pytest.mark.pure

NOW = 1_750_000_000
BODY = '{"type":"alert.raised","data":{"sentence":"Müller denies more"}}'.encode()
TEXT = st.text(max_size=2_000).map(str.encode)


def foreign(secret: str, body: bytes, headers: dict[str, str]) -> None:
    Webhook(secret).verify(body.decode(), headers)


@given(TEXT)
def test_the_receivers_library_accepts_what_is_signed_here(body: bytes):
    secret, body = new_secret(), b'"' + base64.b64encode(body) + b'"'
    foreign(secret, body, signed("msg_2222222222222222", int(time.time()), body, [secret]))


@given(st.integers(min_value=0, max_value=len(BODY) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_of_the_body_is_refused(place: int, change: int):
    secret = new_secret()
    headers = signed("msg_2222222222222222", int(time.time()), BODY, [secret])
    changed = BODY[:place] + bytes([BODY[place] ^ change]) + BODY[place + 1 :]
    with pytest.raises(SignatureWrong):
        refuse_unless_signed(headers, changed, [secret], now=int(time.time()))
    with pytest.raises((WebhookVerificationError, UnicodeDecodeError)):
        foreign(secret, changed, headers)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_another_id_or_time_is_refused(name: str):
    secret = new_secret()
    headers = signed("msg_2222222222222222", NOW, BODY, [secret])
    other = {"webhook-id": "msg_2222222222222223", "webhook-timestamp": str(NOW + 1)}
    with pytest.raises(SignatureWrong):
        refuse_unless_signed({**headers, name: other[name]}, BODY, [secret], now=NOW)


def test_while_secrets_are_exchanged_either_is_enough():
    old, new = new_secret(), new_secret()
    headers = signed("msg_2222222222222222", int(time.time()), BODY, [new, old])
    for secret in (old, new):
        refuse_unless_signed(headers, BODY, [secret], now=int(time.time()))
        foreign(secret, BODY, headers)
    with pytest.raises(SignatureWrong):
        refuse_unless_signed(headers, BODY, [new_secret()], now=int(time.time()))


def test_what_the_senders_library_signs_is_accepted():
    secret, at = new_secret(), datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, BODY.decode()),
    }
    refuse_unless_signed(headers, BODY, [secret], now=int(at.timestamp()))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_five_minutes_from_now_it_is_stale_on_either_side(seconds: int):
    secret = new_secret()
    headers = signed("msg_1", NOW, BODY, [secret])
    refuse_unless_signed(headers, BODY, [secret], now=NOW + seconds - (1 if seconds > 0 else -1))
    with pytest.raises(SignatureStale):
        refuse_unless_signed(headers, BODY, [secret], now=NOW + seconds)


@pytest.mark.parametrize("time", ["", "soon", "-1750000000", "1e9", "٣"])
def test_a_time_that_is_none_is_refused(time: str):
    secret = new_secret()
    with pytest.raises((SignatureMissing, SignatureStale)):
        refuse_unless_signed({**signed("m", NOW, BODY, [secret]), "webhook-timestamp": time}, BODY, [secret], now=NOW)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!", "whsec_c2hvcnQ=", "c2hvcnQ=", "whsec_" + base64.b64encode(b"x" * 65).decode()]
)
def test_what_is_no_secret_signs_nothing(secret: str):
    with pytest.raises(SecretUnusable):
        key_of(secret)


@pytest.mark.parametrize("length", [24, 64])
def test_the_shortest_and_the_longest_secret_sign(length: int):
    secret = "whsec_" + base64.b64encode(b"x" * length).decode()
    assert key_of(secret) == b"x" * length


@pytest.mark.parametrize("length", [23, 65])
def test_a_shorter_or_a_longer_secret_does_not(length: int):
    with pytest.raises(SecretUnusable):
        key_of("whsec_" + base64.b64encode(b"x" * length).decode())


def test_a_secret_with_a_letter_that_is_none_of_base64_is_not_read_without_it():
    secret = new_secret()
    with pytest.raises(SecretUnusable):
        key_of(f"{secret[:20]}!{secret[20:]}")


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_what_lacks_one_of_the_three_is_not_signed(missing: str):
    secret = new_secret()
    headers = signed("msg_1", NOW, BODY, [secret])
    del headers[missing]
    with pytest.raises(SignatureMissing):
        refuse_unless_signed(headers, BODY, [secret], now=NOW)


def test_a_time_in_digits_of_another_script_is_refused_though_it_is_signed():
    secret, at = new_secret(), str(NOW).translate({ord("0") + digit: 0x660 + digit for digit in range(10)})
    headers = signed("msg_1", NOW, BODY, [secret]) | {"webhook-timestamp": at}
    with pytest.raises(SignatureStale):
        refuse_unless_signed(headers, BODY, [secret], now=NOW)


def test_a_time_of_thousands_of_digits_is_refused_like_any_other():
    secret = new_secret()
    headers = signed("msg_1", NOW, BODY, [secret]) | {"webhook-timestamp": "9" * 5_000}
    with pytest.raises(SignatureStale):
        refuse_unless_signed(headers, BODY, [secret], now=NOW)


def test_an_id_that_is_no_text_is_refused_like_any_other():
    secret = new_secret()
    headers = signed("msg_1", NOW, BODY, [secret]) | {"webhook-id": "msg_\udc80"}
    with pytest.raises(SignatureWrong):
        refuse_unless_signed(headers, BODY, [secret], now=NOW)
