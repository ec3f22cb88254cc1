"""The sealed pieces of a file on its way, and of the rows that a load has set aside.

Each piece is bound to its customer, upload, kind and place, so that none opens anywhere else. It is packed before it is
sealed: claims shrink to a seventh or less, and what the database has to write is most of what an answer waits for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

import zstandard
from django.db import connection
from django.db.models import QuerySet

from payerwatch.claims.formats.csv import ClaimsFile
from payerwatch.claims.formats.setaside import SetAsideWriter
from payerwatch.claims.models import Upload, UploadSlice
from payerwatch.sealing.keys import SECRET_KEY_ID, newest_key_id, seal_bytes, unseal_bytes
from payerwatch.tenancy.context import acting_in, current_customer_id
from payerwatch.tenancy.models import Customer

SLICE_BYTES = 1 << 20
_QUICKLY = 1
_STORE = """INSERT INTO claims_uploadslice (customer_id, upload_id, kind, position, key_id, packed, sealed)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""
_FIRST_ROWS = "\ufeff"  # so that spreadsheets read it as UTF-8


def keep(upload: Upload, kind: UploadSlice.Kind, position: int, content: bytes, *, public_id: str = "") -> None:
    """Pack and seal the bytes, and store them behind those that are there; of nothing at all one empty piece.

    `public_id` is the one that the upload is going to have, where that is another.
    """
    key_id, packing = newest_key_id(), zstandard.ZstdCompressor(level=_QUICKLY)
    for start in range(0, max(len(content), 1), SLICE_BYTES):
        piece, place = content[start : start + SLICE_BYTES], position + start
        purpose = _purpose(public_id or upload.public_id, kind, place)
        packed = packing.compress(piece)
        used, sealed = seal_bytes(packed, customer_id=current_customer_id(), purpose=purpose, key_id=key_id)
        _store(UploadSlice(upload=upload, kind=kind, position=place, key_id=used, packed=True, sealed=sealed))


def _store(piece: UploadSlice) -> None:
    """On PostgreSQL past the ORM, which would write the bytes into the statement, escaped: that takes longer than all
    else that is done with them."""
    if connection.vendor != "postgresql":
        piece.save(force_insert=True)
        return
    where = [current_customer_id(), piece.upload_id, piece.kind, piece.position]
    connection.execute_bound(_STORE, [*where, piece.key_id, piece.packed, piece.sealed])  # type: ignore[attr-defined]


def content_of(upload: Upload, kind: UploadSlice.Kind) -> Iterator[bytes]:
    """The pieces in order, one at a time in memory. Raises FieldKeyMissing or SealBroken."""
    for position in places_of(upload, kind):
        yield piece_at(upload, kind, position)


def places_of(upload: Upload, kind: UploadSlice.Kind) -> list[int]:
    """Where each piece begins, in order."""
    return list(_pieces(upload, kind).order_by("position").values_list("position", flat=True))


def piece_at(upload: Upload, kind: UploadSlice.Kind, position: int) -> bytes:
    """Raises FieldKeyMissing or SealBroken."""
    piece = UploadSlice.objects.get(upload=upload, kind=kind, position=position)
    content = _opened(upload.public_id, piece)
    return zstandard.ZstdDecompressor().decompress(content, max_output_size=SLICE_BYTES) if piece.packed else content


def drop(upload: Upload, kind: UploadSlice.Kind) -> None:
    _pieces(upload, kind).delete()


def reseal_slices(to_key: str | None) -> int:
    """Bring every piece of the customer entered under a field key, or (None) under SECRET_KEY; how many were not."""
    behind = UploadSlice.objects.exclude(key_id=to_key or SECRET_KEY_ID)
    places = list(behind.values_list("pk", flat=True))
    for pk in places:
        piece = UploadSlice.objects.select_related("upload").get(pk=pk)
        purpose = _purpose(piece.upload.public_id, UploadSlice.Kind(piece.kind), piece.position)
        piece.key_id, piece.sealed = seal_bytes(
            _opened(piece.upload.public_id, piece), customer_id=current_customer_id(), purpose=purpose, key_id=to_key
        )
        piece.save(update_fields=["key_id", "sealed"])
    return len(places)


def slice_key_ids() -> set[str]:
    """The keys that any customer's pieces are under; SECRET_KEY_ID stands for SECRET_KEY. Enters each customer."""
    found: set[str] = set()
    for customer in Customer.objects.order_by("pk"):
        with acting_in(customer, reading=True):
            found |= set(UploadSlice.objects.values_list("key_id", flat=True).distinct())
    return found


class _SetAsideSlices:
    """Pieces of about `SLICE_BYTES`, sealed as they fill."""

    def __init__(self, upload: Upload, public_id: str) -> None:
        self._upload = upload
        self._public_id = public_id
        self._position = 0
        self._open = bytearray(_FIRST_ROWS.encode())

    def write(self, text: str) -> int:
        self._open += text.encode("utf-8", "replace")
        if len(self._open) >= SLICE_BYTES:
            self._keep()
        return len(text)

    def close(self) -> None:
        """Store what is left."""
        if self._open:
            self._keep()

    def _keep(self) -> None:
        keep(self._upload, UploadSlice.Kind.SET_ASIDE, self._position, bytes(self._open), public_id=self._public_id)
        self._position += len(self._open)
        self._open.clear()


@contextmanager
def set_aside_slices(upload: Upload, file: ClaimsFile, public_id: str) -> Iterator[SetAsideWriter]:
    """What writes rows set aside to sealed pieces of the upload, which is going to have this public id."""
    target = _SetAsideSlices(upload, public_id)
    yield SetAsideWriter(cast(TextIO, target), file.kept_columns)
    target.close()


def keep_set_aside(upload: Upload, file: ClaimsFile) -> None:
    """Read the file once more for the rows that are set aside, and keep them."""
    with set_aside_slices(upload, file, upload.public_id) as writer:
        for batch in file.batches():
            writer.write(batch.set_aside)


def _pieces(upload: Upload, kind: UploadSlice.Kind) -> QuerySet[UploadSlice]:
    return UploadSlice.objects.filter(upload=upload, kind=kind)


def _opened(public_id: str, piece: UploadSlice) -> bytes:
    purpose = _purpose(public_id, UploadSlice.Kind(piece.kind), piece.position)
    return unseal_bytes(piece.key_id, bytes(piece.sealed), customer_id=current_customer_id(), purpose=purpose)


def _purpose(public_id: str, kind: UploadSlice.Kind, position: int) -> str:
    return f"upload.{kind.value} {public_id} {position}"
