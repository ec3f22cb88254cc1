"""Secrets, what is stored of them, and the keys that sign."""

import pytest
from django.test import override_settings

from payerwatch.members.secrets import Origin, accepted_keys, digest, new_secret, signing_key

pytestmark = pytest.mark.pure


def test_a_secret_has_192_bits_and_may_stand_in_an_address():
    made = {new_secret() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(secret) == 32 and secret.replace("-", "a").replace("_", "a").isalnum() for secret in made)


def test_the_digest_is_sha_256():
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_text_that_is_no_unicode_has_a_digest_all_the_same():
    assert digest("\ud800") != digest("\ud801")


def test_each_purpose_has_a_key_of_its_own_and_none_is_the_secret_key():
    with override_settings(SECRET_KEY="s" * 50, SECRET_KEY_FALLBACKS=[]):
        one, other = signing_key("one"), signing_key("other")
    assert one.key != other.key
    assert one.id != other.id
    assert len(one.key) == 32
    assert b"s" * 8 not in one.key
    assert one.id not in one.key.hex()


def test_a_key_made_before_the_secret_key_changed_is_accepted_while_the_old_one_is_kept():
    with override_settings(SECRET_KEY="old " * 20, SECRET_KEY_FALLBACKS=[]):
        before = signing_key("one")
    with override_settings(SECRET_KEY="new " * 20, SECRET_KEY_FALLBACKS=["old " * 20]):
        assert accepted_keys("one")[before.id] == before.key
        assert signing_key("one").id != before.id
    with override_settings(SECRET_KEY="new " * 20, SECRET_KEY_FALLBACKS=[]):
        assert before.id not in accepted_keys("one")


def test_what_a_client_calls_itself_is_kept_short_and_printable():
    agent = Origin(agent="Browser\x00\n" + "x" * 500).agent
    assert agent == ("Browser" + "x" * 500)[:200]
