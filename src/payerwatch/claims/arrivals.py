"""Files that are sent over HTTP: from their first byte until they are loaded, refused or given up.

The caller has entered the customer. Nothing here reads what a file says: until it is loaded it is sealed bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO

from django.conf import settings
from django.db import connection
from django.db.models import Count, F, Sum
from django.utils import timezone

from payerwatch.claims import slices
from payerwatch.claims.formats.csv import Form
from payerwatch.claims.formats.lines import HeldFile, printable
from payerwatch.claims.models import Upload, UploadSlice
from payerwatch.claims.resealing import start_sealed
from payerwatch.refusals import Kind, Refusal

MOST_WAITING = 20
MOST_BATCHES_WAITING = 1_000
MOST_BATCH_BYTES_WAITING = 256 << 20
MOST_ATTEMPTS = 5
KEPT_HALF_SENT = timedelta(hours=24)
# Names the advisory locks under which one is at a file, while it waits for its turn to load as well.
_ONE_AT_A_FILE = 7_401_962
_CONTENT = UploadSlice.Kind.CONTENT
_WAITING = (Upload.State.RECEIVED, Upload.State.LOADING)


class FileTooLarge(Refusal):
    """The file is larger than any that is taken."""

    def __init__(self) -> None:
        super().__init__(
            f"The file is larger than {settings.LARGEST_UPLOAD >> 20} MiB.", fix="Export a shorter period at a time."
        )


class TooManyUploadsWaiting(Refusal):
    """Many files wait to be loaded, or were begun and not sent to their end."""

    kind = Kind.TOO_MANY

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_WAITING} files are on their way or wait to be loaded.",
            fix="Wait until some are loaded, or end those that were begun.",
        )


class TooManyBatchesWaiting(Refusal):
    """Many batches wait to be loaded, or few that are large."""

    kind = Kind.TOO_MANY

    def __init__(self) -> None:
        super().__init__(
            f"{MOST_BATCHES_WAITING:,} batches, or {MOST_BATCH_BYTES_WAITING >> 20} MiB of them, wait to be loaded.",
            fix="Send it again, under the same key, once some are loaded; and more claims in one batch.",
        )


class OffsetWrong(Refusal):
    """A slice does not begin where the one before it ended."""

    kind = Kind.CONFLICT

    def __init__(self, offset: int) -> None:
        super().__init__(
            f"The next slice begins at {offset}.", fix="Ask with HEAD how far the upload is, and go on there."
        )


class SliceTooLong(Refusal):
    """A slice goes beyond the length that the upload was begun with."""


class UploadComplete(Refusal):
    """All of the file was received: there is nothing to add or to give up."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("All of the file was received already.", fix="Watch the upload, or undo it once it is loaded.")


class LoadFailed(Refusal):
    """Loading the file was begun several times and never came to an end."""

    def __init__(self) -> None:
        super().__init__(
            f"Loading the file failed {MOST_ATTEMPTS} times.",
            fix="Send it again in parts; if that fails too, give the operator the id of this upload.",
        )


@dataclass(frozen=True)
class Asked:
    """What is said of a file by whoever sends it."""

    filename: str
    mapping: Mapping[str, str | None] | None = None
    date_order: str | None = None
    form: Form = "csv"
    source: Upload.Source = Upload.Source.FILE


def digest_of(content: bytes) -> str:
    """By which the same bytes are known."""
    return sha256(content).hexdigest()


def receive(content: bytes, asked: Asked, digest: str) -> Upload:
    """Keep a whole file until it is loaded. Raises TooManyUploadsWaiting or TooManyBatchesWaiting."""
    upload = _arrived(len(content), asked)
    upload.digest = digest
    _add(upload, content)
    return upload


def begin(size: int, asked: Asked) -> Upload:
    """Expect a file of so many bytes, in slices. Raises FileTooLarge or TooManyUploadsWaiting."""
    if size > settings.LARGEST_UPLOAD:
        raise FileTooLarge
    upload = _arrived(size, asked)
    if not size:
        _add(upload, b"")
    return upload


def append(upload: Upload, offset: int, content: bytes) -> Upload:
    """Keep the next slice. Raises UploadComplete, OffsetWrong or SliceTooLong."""
    present = _locked_half_sent(upload)
    if offset != present.received_bytes:
        raise OffsetWrong(present.received_bytes)
    if offset + len(content) > present.size_bytes:
        raise SliceTooLong(
            f"The slice goes beyond the {present.size_bytes:,} bytes that the upload was begun with.",
            fix="Send no more than Upload-Length said.",
        )
    if content:
        _add(present, content)
    return present


def give_up(upload: Upload) -> None:
    """Forget a file that is not all here. Raises UploadComplete."""
    _forget(_locked_half_sent(upload))


def give_up_abandoned(upload: Upload, now: datetime) -> bool:
    """The same, unless somebody has gone on sending it since; whether it is forgotten. Raises UploadComplete."""
    present = _locked_half_sent(upload)
    if present.received_at is None or present.received_at >= now - KEPT_HALF_SENT:
        return False
    _forget(present)
    return True


def _forget(upload: Upload) -> None:
    slices.drop(upload, _CONTENT)
    upload.delete()


def abandoned(now: datetime) -> list[Upload]:
    """The files that nobody has gone on sending for a day, without their names: these may be sealed for ever."""
    half_sent = Upload.objects.filter(state=Upload.State.RECEIVING, received_at__lt=now - KEPT_HALF_SENT)
    return list(half_sent.defer("filename"))


def _refuse_too_many(source: Upload.Source) -> None:
    """Files and batches have their room each, so that no program keeps people from sending a file.

    Raises TooManyUploadsWaiting or TooManyBatchesWaiting.
    """
    waiting = Upload.objects.filter(state__in=(Upload.State.RECEIVING, *_WAITING), source=source)
    if source == Upload.Source.FILE:
        if waiting.count() >= MOST_WAITING:
            raise TooManyUploadsWaiting
        return
    there = waiting.aggregate(batches=Count("pk"), size=Sum("size_bytes", default=0))
    if there["batches"] >= MOST_BATCHES_WAITING or there["size"] >= MOST_BATCH_BYTES_WAITING:
        raise TooManyBatchesWaiting


def _arrived(size: int, asked: Asked) -> Upload:
    _refuse_too_many(asked.source)
    start_sealed()
    return Upload.objects.create(
        state=Upload.State.RECEIVING,
        source=asked.source,
        form=asked.form,
        filename=printable(asked.filename)[:255],
        size_bytes=size,
        mapping=dict(asked.mapping or {}),
        date_order=asked.date_order or "",
        received_at=timezone.now(),
        loaded_at=None,
    )


def _locked_half_sent(upload: Upload) -> Upload:
    """The upload as it is now, kept so until the transaction ends. Raises UploadComplete."""
    half_sent = Upload.objects.defer("filename")  # which may be sealed under a key that is gone
    present = half_sent.select_for_update().filter(pk=upload.pk, state=Upload.State.RECEIVING).first()
    if present is None:
        raise UploadComplete
    return present


def _add(upload: Upload, content: bytes) -> None:
    slices.keep(upload, _CONTENT, upload.received_bytes, content)
    upload.received_bytes += len(content)
    upload.received_at = timezone.now()
    if upload.received_bytes == upload.size_bytes:
        upload.state = Upload.State.RECEIVED
    upload.save(update_fields=["received_bytes", "received_at", "state", "digest"])


# From received to loaded or refused


def waiting() -> list[str]:
    """The public ids of the files that wait to be loaded, the one received first first."""
    return list(Upload.objects.filter(state__in=_WAITING).order_by("pk").values_list("public_id", flat=True))


def loaded_and_not_judged() -> list[str]:
    """The public ids of the files since whose load drift was not looked for."""
    return list(Upload.objects.filter(detection_due=True).order_by("pk").values_list("public_id", flat=True))


def alone_with(public_id: str) -> bool:
    """Whether nobody else is at the file, and then none will be until the transaction ends; never waits.

    Whoever waits for their turn to load must not count as having tried. On SQLite there is no telling.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [_ONE_AT_A_FILE, public_id])
        return bool(cursor.fetchone()[0])


def taken(public_id: str) -> Upload | None:
    """The file if it waits and nobody else is at it: until the transaction ends it is the caller's alone.

    What is locked is its first piece and not its row, which tells meanwhile how far the load is.
    """
    first = UploadSlice.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        upload__public_id=public_id, upload__state__in=_WAITING, kind=_CONTENT, position=0
    )
    piece = first.first()
    return None if piece is None else Upload.objects.filter(pk=piece.upload_id, state__in=_WAITING).first()


def count_attempt(upload: Upload) -> None:
    """Note that loading is begun, in a transaction before. Raises LoadFailed after too many that did not end."""
    if upload.attempts >= MOST_ATTEMPTS:
        raise LoadFailed
    upload.attempts += 1
    upload.state = Upload.State.LOADING
    upload.save(update_fields=["attempts", "state"])


def forget_attempt(public_id: str) -> None:
    """What broke it off would break off any."""
    waits = Upload.objects.filter(public_id=public_id, state=Upload.State.LOADING, attempts__gt=0)
    waits.update(attempts=F("attempts") - 1, state=Upload.State.RECEIVED)


def leave_to_another(public_id: str) -> None:
    """Two began with it at the same time; who came second has not tried."""
    Upload.objects.filter(public_id=public_id, state=Upload.State.LOADING, attempts__gt=1).update(
        attempts=F("attempts") - 1
    )


def held(upload: Upload) -> HeldFile:
    """All of the file, in memory. Raises FieldKeyMissing or SealBroken."""
    whole = BytesIO()  # which gives its bytes away without copying them
    for piece in slices.content_of(upload, _CONTENT):
        whole.write(piece)
    return HeldFile(upload.filename, whole.getvalue())


def note_progress(public_id: str, stage: str, done: int, total: int) -> None:
    Upload.objects.filter(public_id=public_id, state=Upload.State.LOADING).update(stage=stage, done=done, total=total)


def take_over(loaded: Upload, arrived: Upload) -> None:
    """Let the loaded upload be the one that was watched, where it was; its bytes are no longer needed."""
    slices.drop(arrived, _CONTENT)
    public_id = arrived.public_id
    arrived.delete()
    loaded.public_id, loaded.arrived_at = public_id, arrived.arrived_at
    loaded.source, loaded.form = arrived.source, arrived.form
    loaded.received_at, loaded.received_bytes = arrived.received_at, loaded.size_bytes
    loaded.detection_due = True
    loaded.save(
        update_fields=["public_id", "source", "form", "arrived_at", "received_at", "received_bytes", "detection_due"]
    )


def settle_as_repeated(arrived: Upload, earlier: Upload) -> None:
    """The same bytes were loaded before: nothing was changed."""
    arrived.repeats, arrived.digest = earlier.public_id, earlier.digest
    _settle(arrived, Upload.State.REPEATED)


def settle_as_refused(arrived: Upload, refusal: Refusal, counted: Upload | None = None) -> None:
    """`counted` has what became of the rows, where all were read."""
    arrived.refusal = {name: _by_field(text) for name, text in refusal.as_dict().items()}
    if counted is not None:
        arrived.rows, arrived.set_aside, arrived.reasons = counted.rows, counted.set_aside, counted.reasons
        arrived.mapping, arrived.dropped_columns = counted.mapping, counted.dropped_columns
        arrived.digest = counted.digest
    _settle(arrived, Upload.State.REFUSED)


def _by_field(text: str) -> str:
    """What is said of a command's options, said of the request's fields."""
    return text.replace("--date-order", "date_order").replace("--mapping", "mapping")


def _settle(arrived: Upload, state: Upload.State) -> None:
    slices.drop(arrived, _CONTENT)
    arrived.state, arrived.stage, arrived.done, arrived.total = state, "", 0, 0
    arrived.save()


def judged(public_ids: Sequence[str]) -> None:
    """Drift has been looked for since these files were loaded."""
    Upload.objects.filter(public_id__in=public_ids).update(detection_due=False)
