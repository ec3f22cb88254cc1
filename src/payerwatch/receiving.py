"""Files sent over HTTP, on their way into the pipeline: received, loaded after the answer, then judged.

    receive   the whole file, or its slices one by one, are kept sealed; a batch that a program sends is such a file
    load      the pipeline's load, by a job; its end, good or bad, is the upload's state
    detect    the pipeline's detect, by a job, so that a file that was sent ends in events

A job does a step in one transaction with the state that says so: killed at any point, the file still waits, and the
step is done again.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from payerwatch import pipeline
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.claims import arrivals, batch_names, slices
from payerwatch.claims.arrivals import Asked, LoadFailed, UploadComplete
from payerwatch.claims.formats.csv import form_of
from payerwatch.claims.loading import Progress, lock_claims
from payerwatch.claims.models import Upload
from payerwatch.claims.progress_notes import noted_progress
from payerwatch.deliveries.messages import Told, tell_all
from payerwatch.deliveries.notices import Notice
from payerwatch.deliveries.outbox import subscribers
from payerwatch.drift.actions import NothingToJudge
from payerwatch.jobs import enqueue
from payerwatch.jobs.steps import step, when_parked
from payerwatch.members.queries import members_who_may
from payerwatch.members.roles import Permission
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

JOB = Actor("job", name="loading")


def receive(content: bytes, asked: Asked, *, actor: Actor) -> Upload:
    """Keep a whole file, to be loaded after the answer. Raises TooManyUploadsWaiting."""
    return _receive(content, asked, arrivals.digest_of(content), actor)


def _receive(content: bytes, asked: Asked, digest: str, actor: Actor) -> Upload:
    upload = arrivals.receive(content, asked, digest)
    after = {"size_bytes": upload.size_bytes, "digest": upload.digest, "state": upload.state}
    record("receive", _thing(upload), actor=actor, after=after)
    enqueue.enqueue(load_received, upload.public_id)
    return upload


@dataclass(frozen=True)
class Batch:
    """A batch that a program has sent; `repeated` if it was here already."""

    upload: Upload
    repeated: bool = False


def receive_batch(content: bytes, asked: Asked, name: str, *, actor: Actor) -> Batch:
    """Keep a batch as a whole file, once under the name that its sender gives it; without one (blank) each time.

    Raises TooManyBatchesWaiting or BatchChanged.
    """
    if not name:
        return Batch(receive(content, asked, actor=actor))
    digest = arrivals.digest_of(content)
    sent = batch_names.said(digest, asked)
    batch_names.hold(name)
    known = batch_names.named(name, sent)
    if known is None:
        upload = _receive(content, asked, digest, actor)
        batch_names.keep(name, upload, sent)
        return Batch(upload)
    upload = Upload.objects.get(public_id=known)
    record("replay", _thing(upload), actor=actor, after={"verb": "receive", "state": upload.state})
    return Batch(upload, repeated=True)


def batch_conflicted(public_id: str) -> None:
    """A batch's name was sent with something else, and that was refused: those who look after endpoints hear of it."""
    conflicts = batch_names.count_conflict(public_id)
    if not conflicts:
        return
    notice = Notice(
        type="ingest.conflict",
        about=public_id,
        at=timezone.now(),
        title="A batch of claims was sent again with something else",
        sentence=f"Another body was sent under the name of the batch {public_id}. It was refused: nothing was changed.",
        data={"upload": public_id, "conflicts": conflicts},
        lines=["Its sender gives two batches one name, or has changed one that was sent: what was refused is missing."],
    )
    tell_all([Told(notice, subscribers(notice.type), members_who_may(Permission.MANAGE_ENDPOINTS))])


def begin(size: int, asked: Asked, *, actor: Actor) -> Upload:
    """Expect a file in slices. Raises FileTooLarge or TooManyUploadsWaiting."""
    upload = arrivals.begin(size, asked)
    record("begin", _thing(upload), actor=actor, after={"size_bytes": upload.size_bytes, "state": upload.state})
    _load_if_complete(upload)
    return upload


def append(upload: Upload, offset: int, content: bytes, *, actor: Actor) -> Upload:
    """Keep the next slice of a file. Raises UploadComplete, OffsetWrong or SliceTooLong."""
    upload = arrivals.append(upload, offset, content)
    after = {"received_bytes": upload.received_bytes, "state": upload.state}
    record("receive", _thing(upload), actor=actor, before={"received_bytes": offset}, after=after)
    _load_if_complete(upload)
    return upload


def give_up(upload: Upload, *, actor: Actor) -> None:
    """Forget a file that is not all here. Raises UploadComplete."""
    arrivals.give_up(upload)
    _record_given_up(upload, actor)


def _record_given_up(upload: Upload, actor: Actor) -> None:
    record("give_up", _thing(upload), actor=actor, before={"state": Upload.State.RECEIVING})


def _load_if_complete(upload: Upload) -> None:
    if upload.state == Upload.State.RECEIVED:
        enqueue.enqueue(load_received, upload.public_id)


def _thing(upload: Upload) -> Thing:
    return Thing("upload", upload.public_id)


# After the answer


@step
def load_received(customer_id: int, public_id: str) -> None:
    """Load a file that waits, unless that was done or somebody is at it."""
    customer = Customer.objects.get(pk=customer_id)
    if not _begun(customer, public_id):
        return
    with (
        _trouble_not_counted(customer, public_id),
        noted_progress(customer, public_id) as progress,
        acting_in(customer),
    ):
        arrived = _taken_in_turn(public_id)
        if arrived is None:
            arrivals.leave_to_another(public_id)
        else:
            _load(customer, arrived, progress)


def _taken_in_turn(public_id: str) -> Upload | None:
    """The file, once nobody else changes the customer's claims; None where somebody else is at it."""
    if not arrivals.alone_with(public_id):
        return None
    lock_claims()  # as whoever brings claims and pieces under another key: first this, then the pieces
    return arrivals.taken(public_id)


@contextmanager
def _trouble_not_counted(customer: Customer, public_id: str) -> Iterator[None]:
    """A database that does not answer and a key that is missing are no fault of the file's: it goes on waiting."""
    try:
        yield
    except (OperationalError, InterfaceError, Refusal):
        with acting_in(customer):
            arrivals.forget_attempt(public_id)
        raise


def _begun(customer: Customer, public_id: str) -> bool:
    """Count the attempt where it is kept whatever becomes of it, so that no file stops the server again and again."""
    with acting_in(customer):
        arrived = arrivals.taken(public_id) if arrivals.alone_with(public_id) else None
        if arrived is None:
            return False
        try:
            arrivals.count_attempt(arrived)
        except LoadFailed as refusal:
            _settle_as_failed(arrived, refusal)
            return False
        return True


@when_parked(load_received)
def _loading_failed(customer_id: int, public_id: str) -> None:
    """Nobody will go on trying: the file says so."""
    with acting_in(customer_id):
        arrived = arrivals.taken(public_id)
        if arrived is not None:
            _settle_as_failed(arrived, LoadFailed())


def _settle_as_failed(arrived: Upload, refusal: LoadFailed) -> None:
    arrivals.settle_as_refused(arrived, refusal)
    record("load", _thing(arrived), actor=JOB, after={"code": refusal.code}, outcome="refused")


def _load(customer: Customer, arrived: Upload, progress: Progress) -> None:
    order = pipeline.LoadOrder(
        arrivals.held(arrived),
        mapping=arrived.mapping,
        date_order=arrived.date_order or None,
        arrived=arrived,
        form=form_of(arrived.form),
    )
    try:
        result = pipeline.load(customer, order, actor=JOB, progress=progress, today=date.today())
    except pipeline.NothingAccepted as refusal:
        arrivals.settle_as_refused(arrived, refusal, refusal.upload)
        slices.keep_set_aside(arrived, refusal.file)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAVAILABLE:
            raise
        arrivals.settle_as_refused(arrived, refusal)
    else:
        if result.already_loaded:
            arrivals.settle_as_repeated(arrived, result.upload)
        else:
            enqueue.enqueue(judge_loaded, result.upload.public_id)


@step
def judge_loaded(customer_id: int, public_id: str) -> None:
    """Look for drift, unless that was done since the file was loaded. What was loaded before it is judged with it."""
    customer = Customer.objects.get(pk=customer_id)
    with acting_in(customer):
        due = arrivals.loaded_and_not_judged()
        if public_id not in due:
            return
        with suppress(NothingToJudge):
            pipeline.detect(customer, actor=JOB)
        arrivals.judged(due)


def take_up_waiting() -> None:
    """Put on the queue whatever of any customer waits, and forget what nobody went on sending."""
    enqueue.for_each_customer(_take_up_of)


def _take_up_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        loads, judgements = arrivals.waiting(), arrivals.loaded_and_not_judged()
        now = timezone.now()
        abandoned = arrivals.abandoned(now)
    for public_id in loads:
        enqueue.again(load_received, customer_id, public_id)
    for public_id in judgements:
        enqueue.again(judge_loaded, customer_id, public_id)
    for upload in abandoned:
        with suppress(UploadComplete), acting_in(customer_id):
            if arrivals.give_up_abandoned(upload, now):
                _record_given_up(upload, JOB)
