"""E-mail addresses: one form is stored, and what could be taken for two addresses is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.members.email_addresses import EmailUnusable, email_address

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  Ann.B+Billing@Example.COM\r\n", "ann.b+billing@example.com"),
        ("o'neil@mail.example", "o'neil@mail.example"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_an_address_is_stored_without_blanks_and_in_lower_case(typed: str, stored: str):
    assert email_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@@example.com",
        "ann@b@example.com",
        "ann,bob@example.com",
        "ann@example.com,bob@example.com",
        "Ann <ann@example.com>",
        '"ann b"@example.com',
        "ann b@example.com",
        "ann@exam ple.com",
        "ann@example.com\nBcc: bob@example.com",
        "ann\x00@example.com",
        "ann@-example.com",
        "ann@example..com",
        "ann@example.com.",
        "änn@example.com",
        "ann@exampłe.com",
        "mıke@example.com",
        "\u212aelvin@example.com",
        "a" * 65 + "@example.com",
        "a@" + ".".join(["b" * 60] * 5),
    ],
)
def test_what_is_no_single_plain_address_is_refused(typed: str):
    with pytest.raises(EmailUnusable) as refused:
        email_address(typed)
    assert refused.value.code == "email_unusable"


@given(st.text(max_size=300))
def test_whatever_is_typed_is_refused_or_stored_in_a_form_that_stays(typed: str):
    try:
        stored = email_address(typed)
    except EmailUnusable:
        return
    assert email_address(stored) == stored == stored.lower()
    assert stored.count("@") == 1
    assert stored.isascii()
    assert stored.isprintable()
    assert " " not in stored
