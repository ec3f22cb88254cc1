"""The text of a key: known by its form and its checksum, without a look into the database."""

import re

import pytest

from payerwatch.members import keys
from payerwatch.members.keys import KEY_PATTERN, customer_of, looks_like_key
from payerwatch.members.secrets import CredentialRefused

pytestmark = pytest.mark.pure
# No key of anybody: its checksum was computed apart from the code under test.
SAMPLE = "pw_live_z_0123456789abcdefghijABCDEFGHIJ01082MFE"


def test_a_key_is_known_by_its_form_and_its_checksum():
    text = keys._new_text(35)
    assert re.fullmatch(KEY_PATTERN, text)
    assert text.startswith("pw_live_z_")
    assert looks_like_key(text)
    assert customer_of(text) == 35


def test_the_checksum_is_crc_32_in_base_62():
    """The check value of CRC-32, 0xCBF43926 over the digits 1 to 9, is 3jZRME in base 62."""
    assert keys._checksum("123456789") == "3jZRME"
    assert looks_like_key(SAMPLE)


def test_one_wrong_letter_anywhere_is_noticed_without_a_query():
    text = keys._new_text(1)
    for place in range(len("pw_live_"), len(text)):
        other = "a" if text[place] != "a" else "b"
        assert not looks_like_key(text[:place] + other + text[place + 1 :])


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda text: text + "x",
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace("pw_live", "pw_test"),
        lambda text: text.upper(),
        lambda text: text.replace("_z_", "__"),
        lambda text: text.replace("_z_", "_" + "z" * 12 + "_"),
        lambda text: text[:-6] + "é" * 6,
        lambda text: text[:-1] + "\ud800",
    ],
)
def test_what_is_no_key_is_refused_without_a_query(change):
    text = change(keys._new_text(35))
    assert not looks_like_key(text)
    with pytest.raises(CredentialRefused):
        customer_of(text)


def test_at_least_160_random_bits_are_never_shown():
    text = keys._new_text(1)
    unshown = len(text) - len(keys._prefix(text)) - 6
    assert unshown * 5.954 >= 160  # log2(62) for each letter
