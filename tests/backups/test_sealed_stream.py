"""A sealed stream opens as it was written, and not at all once anything about it was changed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payerwatch.backups import sealed_stream
from payerwatch.backups.refusals import (
    BackupChanged,
    BackupFormatUnknown,
    BackupUnderAnotherKey,
    BackupUnreadable,
)
from payerwatch.backups.sealed_stream import SealedReader, SealingWriter
from payerwatch.refusals import Refusal

pytestmark = pytest.mark.pure

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
HEAD = 68
PIECE, SEALED_PIECE = 10, 26


@pytest.fixture(autouse=True, scope="module")
def small_pieces():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_stream, "PIECE", PIECE)
        yield


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    target = io.BytesIO()
    writer = SealingWriter(target, key)
    writer.write(content)
    writer.finish()
    return target.getvalue()


def opened(text: bytes, *keys: bytes) -> bytes:
    return SealedReader(io.BytesIO(text), keys or (KEY,)).read()


def pieces(text: bytes) -> tuple[bytes, list[bytes]]:
    head, rest = text[:HEAD], text[HEAD:]
    return head, [rest[at : at + SEALED_PIECE] for at in range(0, len(rest), SEALED_PIECE)]


@given(st.lists(st.binary(max_size=35), max_size=5))
def test_it_opens_as_it_was_written_however_it_was_written(written: list[bytes]):
    target = io.BytesIO()
    writer = SealingWriter(target, KEY)
    for each in written:
        writer.write(each)
    writer.finish()
    assert opened(target.getvalue()) == b"".join(written)


@given(st.binary(max_size=35), st.data())
def test_a_bit_changed_anywhere_is_found(content: bytes, data: st.DataObject):
    text = bytearray(sealed(content))
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Refusal):
        opened(bytes(text))


@given(st.binary(max_size=35), st.data())
def test_a_cut_anywhere_is_found(content: bytes, data: st.DataObject):
    text = sealed(content)
    with pytest.raises(Refusal):
        opened(text[: data.draw(st.integers(0, len(text) - 1))])


def test_a_cut_between_pieces_is_told_as_one():
    head, each = pieces(sealed(b"x" * 30))
    with pytest.raises(BackupChanged, match="its end is missing") as refused:
        opened(head + each[0] + each[1])
    assert refused.value.where == "From byte 94 on."


@given(st.permutations(range(4)))
def test_pieces_in_another_order_are_found(order: list[int]):
    head, each = pieces(sealed(bytes(range(40))))
    text = head + b"".join(each[place] for place in order)
    if list(order) == [0, 1, 2, 3]:
        assert opened(text) == bytes(range(40))
        return
    with pytest.raises(BackupChanged):
        opened(text)


@pytest.mark.parametrize("place", range(4))
def test_a_piece_that_is_doubled_or_left_out_is_found(place: int):
    head, each = pieces(sealed(b"y" * 40))
    for changed in ([*each[: place + 1], *each[place:]], [*each[:place], *each[place + 1 :]]):
        with pytest.raises(BackupChanged):
            opened(head + b"".join(changed))


def test_a_piece_of_another_file_under_the_same_key_is_found():
    one, other = sealed(b"z" * 30), sealed(b"z" * 30)
    (head, own), (_, foreign) = pieces(one), pieces(other)
    with pytest.raises(BackupChanged, match="changed or moved"):
        opened(head + own[0] + foreign[1] + own[2])


def test_what_is_appended_is_found():
    with pytest.raises(BackupChanged, match="appended"):
        opened(sealed(b"w" * 20) + b"more")


def test_nothing_is_given_of_a_piece_that_was_changed():
    text = bytearray(sealed(b"a" * 10 + b"b" * 10))
    text[-1] ^= 1
    reader = SealedReader(io.BytesIO(bytes(text)), [KEY])
    assert reader.read(10) == b"a" * 10
    with pytest.raises(BackupChanged):
        reader.read(1)


def test_another_key_is_told_as_one_and_older_keys_are_tried():
    text = sealed(b"content")
    with pytest.raises(BackupUnderAnotherKey):
        opened(text, OTHER)
    assert opened(text, OTHER, KEY) == b"content"


def test_another_format_is_told_as_one_and_another_file_as_none():
    text = bytearray(sealed(b"content"))
    text[19] = 2
    with pytest.raises(BackupFormatUnknown, match="format 2"):
        opened(bytes(text))
    with pytest.raises(BackupUnreadable):
        opened(b"PGDMP and so on" * 10)


def test_the_same_content_is_sealed_differently_each_time():
    assert not set(pieces(sealed(b"q" * 20))[1]) & set(pieces(sealed(b"q" * 20))[1])
