"""What a sealed value says, where it opens, and where not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.sealing.sealing import (
    BlindIndex,
    SealBroken,
    Sealer,
    customer_scope,
    key_id_of,
    plain_form,
    plain_text,
)
from tests.sealing.conftest import key

pytestmark = pytest.mark.pure

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


def sealer(key_id: str = "a", customer: int = 1, purpose: str = "claim.number", secret: str = "a") -> Sealer:
    return Sealer(key_id, key(secret), scope=customer_scope(customer), purpose=purpose)


def index(customer: int = 1, purpose: str = "claim.number", secret: str = "a") -> BlindIndex:
    return BlindIndex(key(secret), scope=customer_scope(customer), purpose=purpose)


@given(TEXTS)
def test_what_is_sealed_opens_to_the_same_text(text: str):
    sealed = sealer().seal(text)
    assert sealed.startswith("pw1:a:")
    assert key_id_of(sealed) == "a"
    assert sealer().open(sealed) == text


def test_the_same_text_sealed_twice_looks_different():
    assert sealer().seal("C1") != sealer().seal("C1")


@pytest.mark.parametrize(
    "other", [{"customer": 2}, {"customer": 11}, {"purpose": "upload.filename"}, {"secret": "b"}, {"key_id": "b"}]
)
def test_a_value_does_not_open_elsewhere(other: dict):
    sealed = sealer().seal("CANARY")
    moved = sealed.replace("pw1:a:", f"pw1:{other.get('key_id', 'a')}:")
    with pytest.raises(SealBroken) as refused:
        sealer(**other).open(moved)
    assert "CANARY" not in f"{refused.value.as_dict()} {refused.value.__cause__}"


@given(st.data())
def test_a_value_changed_in_any_bit_does_not_open(data: st.DataObject):
    head, content = sealer().seal("C1").rsplit(":", 1)
    octets = bytearray(base64.b64decode(content))
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        sealer().open(f"{head}:{base64.b64encode(octets).decode()}")


@pytest.mark.parametrize("content", ["", "AAAA", "not base64!", "A" * 15, "é"])
def test_a_value_that_is_no_ciphertext_does_not_open(content: str):
    with pytest.raises(SealBroken):
        sealer().open(f"pw1:a:{content}")


@given(TEXTS)
def test_plain_text_is_never_taken_for_a_sealed_one(text: str):
    for plain in (text, f"pw1:{text}", f"pw0:{text}"):
        assert key_id_of(plain_form(plain)) is None
        assert plain_text(plain_form(plain)) == plain


def test_an_index_tells_equal_texts_of_one_customer_and_purpose_only():
    assert index().of("C1") == index().of("C1")
    others = [
        index().of("C2"),
        index(customer=2).of("C1"),
        index(purpose="other").of("C1"),
        index(secret="b").of("C1"),
    ]
    assert len({index().of("C1"), *others}) == 5


def test_an_index_has_at_least_128_bits():
    assert len(base64.urlsafe_b64decode(index().of("C1"))) >= 16


KEPT = "pw1:2026:ZGVmZ2hpamtsbW5vw9eQvT+UyNT65BR/UPz/q3xJywaZKg=="
"""What an earlier release has sealed, and backups hold."""


def kept(**other: str) -> Sealer:
    return Sealer("2026", bytes(range(32)), **{"scope": customer_scope(7), "purpose": "claim.number"} | other)


def test_what_was_sealed_before_opens():
    assert kept().open(KEPT) == "C-1001"


def test_what_was_found_by_an_index_before_is_found_by_it():
    index = BlindIndex(bytes(range(32)), scope=customer_scope(7), purpose="claim.number")
    assert index.of("C-1001") == "YV6seyc_0W_eEQrUogaW4sq3"


def test_a_sealed_value_with_a_letter_that_is_none_of_base64_does_not_open_without_it():
    with pytest.raises(SealBroken):
        kept().open(KEPT.replace("ZGVm", "ZG!Vm"))


def test_plain_text_is_stored_as_it_is_unless_it_looks_sealed():
    assert [plain_form(text) for text in ("C1", "pw1:a", "pw0:a")] == ["C1", "pw0:pw1:a", "pw0:pw0:a"]
