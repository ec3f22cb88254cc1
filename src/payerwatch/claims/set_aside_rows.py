"""The rows that a load has set aside, given back to whoever asks."""

from collections.abc import Iterator, Sequence

from payerwatch.claims.models import Upload, UploadSlice
from payerwatch.claims.slices import piece_at, places_of
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

_KIND = UploadSlice.Kind.SET_ASIDE


class RejectedRowsNotKept(Refusal):
    """Nothing is kept of the rows that this upload set aside."""

    kind = Kind.MISSING

    def __init__(self, upload: Upload) -> None:
        super().__init__(
            f"No rejected rows are kept of {upload.public_id}.",
            fix="They are kept of files that were sent over HTTP, from when they are loaded until they are undone or "
            "were kept long enough; "
            "payerwatch load writes them with --set-aside.",
        )


def open_set_aside(customer: Customer, upload: Upload) -> Iterator[bytes]:
    """The rows as CSV, piece by piece, after the customer was left too.

    Each is read within the customer and given out when that is left again: who takes them may break off at any time,
    and whatever was open then would stay so.
    Raises RejectedRowsNotKept; and FieldKeyMissing or SealBroken, for the first piece before anything is given.
    """
    places = places_of(upload, _KIND)
    if not places:
        raise RejectedRowsNotKept(upload)
    return _pieces(customer, upload, piece_at(upload, _KIND, places[0]), places[1:])


def _pieces(customer: Customer, upload: Upload, first: bytes, places: Sequence[int]) -> Iterator[bytes]:
    yield first
    for place in places:
        with acting_in(customer, reading=True):
            piece = piece_at(upload, _KIND, place)
        yield piece
