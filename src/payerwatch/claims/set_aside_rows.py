"""The rows that a load has set aside, given back to whoever asks."""

from collections.abc import Iterator
from itertools import chain

from payerwatch.claims.models import Upload, UploadSlice
from payerwatch.claims.slices import content_of, has_any
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
            fix="They are kept of files that were sent over HTTP, from when they are loaded until they are undone; "
            "payerwatch load writes them with --set-aside.",
        )


def open_set_aside(customer: Customer, upload: Upload) -> Iterator[bytes]:
    """The rows as CSV, piece by piece, after the customer was left too.

    Raises RejectedRowsNotKept; and FieldKeyMissing or SealBroken, for the first piece before anything is given.
    """
    if not has_any(upload, _KIND):
        raise RejectedRowsNotKept(upload)
    first = next(content_of(upload, _KIND))
    return chain([first], _rest(customer, upload))


def _rest(customer: Customer, upload: Upload) -> Iterator[bytes]:
    with acting_in(customer, reading=True):
        pieces = content_of(upload, _KIND)
        next(pieces, None)
        yield from pieces
