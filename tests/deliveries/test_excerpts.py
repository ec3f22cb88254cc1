"""What is kept of an answer tells one fault from another, and nothing of anybody."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.deliveries.excerpts import EXCERPT_BYTES, LEFT_OUT, excerpt_of

pytestmark = pytest.mark.pure

# What an answer may hold, and the part of it that must not be kept.
HIDDEN = [
    ("Authorization: Bearer abc.def", "abc.def"),
    ("bearer x9", "x9"),
    ("Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ('{"token":"t0p"}', "t0p"),
    ('{"access_token": "t0p"}', "t0p"),
    ('{\\"api_key\\":\\"t0p\\"}', "t0p"),
    ("api-key=t0p&x=1", "t0p"),
    ("password hunter2 is wrong", "hunter2"),
    ("secret: hunter2", "hunter2"),
    ("Set-Cookie: sid=hunter2", "hunter2"),
    ("session=hunter2", "hunter2"),
    ("unknown key sk_live_4eC39HqL", "4eC39HqL"),
    ("unknown key pw_live_4eC39HqLyjWD", "4eC39HqL"),
    ("unknown whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJ"),
    ("id 9f86d081884c7d659a2feaa0c55ad015", "9f86d081"),
    ("AKIAIOSFODNN7EXAMPLE", "AKIA"),
    ("mail ann.lee@practice.example now", "ann.lee"),
    ("mail ann.lee%40practice.example now", "ann.lee"),
    ("mail ann.lee&#64;practice.example now", "ann.lee"),
    ("mail ann.lee\\u0040practice.example now", "ann.lee"),
    ("<ann@practice.example>", "ann"),
    ("SSN 123-45-6789", "6789"),
    ("SSN 123 45 6789", "6789"),
    ("SSN 123456789", "6789"),
    ("call (555) 123-4567", "4567"),
    ("claim 20391", "20391"),
    ("born 1980-03-12", "1980"),
    ("born 3/12/1980", "1980"),
    ("born 12.3.80", "12.3"),
    ("born 12 March 1980", "March"),
    ("born March 12th, 1980", "1980"),
    ("born 12-MAR-1980", "MAR"),
    ("١٢٣٤٥٦٧٨٩", "١٢٣"),
]


@pytest.mark.parametrize(("answered", "hidden"), HIDDEN, ids=[answered for answered, _ in HIDDEN])
def test_what_looks_secret_or_personal_is_left_out(answered: str, hidden: str):
    kept = excerpt_of(f"Before it: {answered} and after.".encode(), [])
    assert hidden not in kept
    assert LEFT_OUT in kept
    assert kept.startswith("Before it: ")


@pytest.mark.parametrize(
    "answered",
    [
        "thanks",
        "Not Found",
        '{"error":"unknown type"}',
        "<h1>502 Bad Gateway</h1>",
        "invalid signature",
        "Größe: 12 MB",
    ],
)
def test_what_tells_the_fault_is_kept(answered: str):
    assert excerpt_of(answered.encode(), []) == answered


@pytest.mark.parametrize(("answered", "hidden"), HIDDEN, ids=[answered for answered, _ in HIDDEN])
def test_half_of_it_at_the_cut_is_left_out_too(answered: str, hidden: str):
    for kept_signs in range(1, len(answered)):
        before = "a " * ((EXCERPT_BYTES - len(answered[:kept_signs].encode())) // 2)
        assert hidden not in excerpt_of((before + answered + " and more").encode(), [])


def test_an_echo_is_left_out_in_any_case_of_letters():
    kept = excerpt_of(b"You sent AETNA DENIES MORE to us", [b'{"sentence":"Aetna denies more"}'])
    assert kept == f"You sent {LEFT_OUT} to us"


@pytest.mark.parametrize("escaped", ["M\\u00fcller", "M&uuml;ller", "M&#252;ller", "M%C3%BCller"])
def test_an_echo_is_left_out_though_it_is_escaped(escaped: str):
    assert excerpt_of(f"You sent {escaped} AG.".encode(), ['{"payer":"Müller AG"}'.encode()]) == f"You sent {LEFT_OUT}."


@given(st.binary(max_size=3000), st.binary(max_size=300))
def test_it_is_one_short_line_without_control_characters(answered: bytes, sent: bytes):
    kept = excerpt_of(answered, [sent])
    assert len(kept) <= EXCERPT_BYTES
    assert kept.encode().decode() == kept
    assert not set(kept) & {"\r", "\n", "\t", "\x00", "\x1b", "\x7f", "\u202e", "\u2028"}


@given(st.text(min_size=8, max_size=200))
def test_nothing_of_eight_characters_that_was_sent_comes_back(sent: str):
    kept = excerpt_of(f"before {sent} after".encode(), [sent.encode()])
    assert sent not in kept


@pytest.mark.parametrize("sign", ["a", "1", "@", "1.", "a@", "bearer ", "token=", "1-", "%40", "jan 1 ", "\0", "_a"])
def test_no_answer_takes_long(sign: str):
    """Hundredths of a second, and on a slow machine with much else to do tenths."""
    began = time.process_time()
    excerpt_of(sign.encode() * 70_000, [b"x" * 65_536])
    assert time.process_time() - began < 1.0
