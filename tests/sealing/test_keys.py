"""The field keys of an installation: how they are written, chosen and missed."""

import base64
import os
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from payerwatch.config.field_keys import read_field_keys
from payerwatch.sealing.keys import FieldKeyMissing, free_key_id, new_key, seal, seal_secret, unseal, unseal_secret
from payerwatch.sealing.sealing import SealBroken, key_id_of
from tests.make import answer
from tests.sealing.conftest import key

pytestmark = pytest.mark.pure

GOOD = base64.b64encode(key("good")).decode()
OTHER = base64.b64encode(key("other")).decode()


def test_keys_are_read_newest_first():
    assert list(read_field_keys(f" 2026b:{GOOD}, 2026a:{OTHER}").items()) == [
        ("2026b", key("good")),
        ("2026a", key("other")),
    ]


def test_without_the_variable_there_are_no_keys():
    assert read_field_keys(" ") == {}


def test_a_key_in_the_url_alphabet_is_the_same_key():
    assert read_field_keys(f"a:{base64.urlsafe_b64encode(key('good')).decode()}") == {"a": key("good")}


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"{GOOD}:2026a",
        f"2026 a:{GOOD}",
        f"secret-key:{GOOD}",
        f"2026a:{GOOD[:-4]}",
        f"2026a:{GOOD}{GOOD}",
        f"2026a:{GOOD[:20]}!{GOOD[21:]}",
        f"2026a:{'A' * 43}=",
        f"2026a:{GOOD},2026a:{OTHER}",
        f"2026b:{GOOD},2026a:{GOOD}",
        f"2026a:{GOOD},",
        "2026a:",
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_a_word_of_them(text: str):
    with pytest.raises(ImproperlyConfigured, match=r"^PAYERWATCH_FIELD_KEYS: entry [12] ") as refused:
        read_field_keys(text)
    assert GOOD[:12] not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_new_key_can_be_used():
    assert len(read_field_keys(f"a:{new_key()},b:{new_key()}")) == 2


def test_each_key_that_is_made_on_a_day_has_an_id_of_its_own(use_keys: Callable[..., None]):
    day, made = date(2026, 11, 30), []
    for _ in range(3):
        use_keys(*made)
        made.insert(0, free_key_id(day))
    assert made == ["2026-11-30-3", "2026-11-30-2", "2026-11-30"]
    assert list(read_field_keys(",".join(f"{key_id}:{new_key()}" for key_id in made))) == made


def test_a_key_that_is_printed_can_go_in_front_of_those_that_are_there(use_keys: Callable[..., None]):
    first = answer("rotate_field_keys", "--new-key", customer=None).document
    use_keys(first["id"])
    second = answer("rotate_field_keys", "--new-key", customer=None).document
    assert second["id"] == f"{first['id']}-2"


def test_an_id_that_is_there_twice_is_told_apart_from_a_key_that_is():
    with pytest.raises(ImproperlyConfigured, match=r"repeats the id .* another id, such as"):
        read_field_keys(f"2026a:{GOOD},2026a:{OTHER}")
    with pytest.raises(ImproperlyConfigured, match="repeats the key"):
        read_field_keys(f"2026b:{GOOD},2026a:{GOOD}")


def test_a_value_under_a_key_that_is_gone_is_refused_by_the_keys_name(use_keys: Callable[..., None]):
    use_keys("2026a")
    sealed = seal("C1", customer_id=1, purpose="p", key_id="2026a")
    use_keys("2026b")
    with pytest.raises(FieldKeyMissing, match="2026a"):
        unseal(sealed, customer_id=1, purpose="p")


def test_a_secret_is_never_stored_plain(use_keys: Callable[..., None]):
    use_keys()
    sealed = seal_secret("JBSWY3DP", "second factor")
    assert key_id_of(sealed) == "secret-key"
    assert unseal_secret(sealed, "second factor") == "JBSWY3DP"


def test_a_secret_is_sealed_under_the_newest_key_and_opens_under_older_ones(use_keys: Callable[..., None]):
    use_keys()
    first = seal_secret("JBSWY3DP", "second factor")
    use_keys("2026a")
    second = seal_secret("JBSWY3DP", "second factor")
    use_keys("2026b", "2026a")
    assert [key_id_of(sealed) for sealed in (second, seal_secret("x", "y"))] == ["2026a", "2026b"]
    assert {unseal_secret(sealed, "second factor") for sealed in (first, second)} == {"JBSWY3DP"}


def test_a_secret_outlives_a_change_of_the_secret_key(settings: Any, use_keys: Callable[..., None]):
    use_keys()
    sealed = seal_secret("JBSWY3DP", "second factor")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = os.urandom(20).hex(), ["other", settings.SECRET_KEY]
    assert unseal_secret(sealed, "second factor") == "JBSWY3DP"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(SealBroken):
        unseal_secret(sealed, "second factor")


def test_a_secret_of_another_purpose_or_in_plain_does_not_open(use_keys: Callable[..., None]):
    use_keys("2026a")
    for sealed in (seal_secret("JBSWY3DP", "webhook"), "JBSWY3DP"):
        with pytest.raises(SealBroken):
            unseal_secret(sealed, "second factor")
