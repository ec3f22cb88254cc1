"""The product on one page: a file of claims in, a named drift out.

    receive   the file is known by its digest: the same file twice changes nothing
    load      its rows become claims
    count     what the load changed is added to the run-off cells
    detect    the cells of one week are judged; drift events open, change and close
    alert     rules decide who is told of them, and by which messages
    deliver   each receiver's messages are sent until they arrive
    report    a month is summed up, looked at, and issued for good

Receive, load and count are one transaction, so a file is loaded whole or not at all; detect is another, alert a third
and each message that is taken on, and settled, one more. Each of these is put on the queue by the one before.
Undo and re-mapping go the same road: claims are counted out, changed, and counted in again. Each step leaves one entry
on the record, in its own transaction; a step that was refused leaves one too, after the rollback.
"""

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import transaction

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.audit.refused import refusals_recorded
from payerwatch.claims import actions as claims
from payerwatch.claims.arrivals import take_over
from payerwatch.claims.formats.csv import (
    ClaimsFile,
    Form,
    Remembered,
    open_claims_file,
    read_header_signature,
    scan_claims,
)
from payerwatch.claims.formats.dates import DATE_ORDERS
from payerwatch.claims.formats.lines import Source
from payerwatch.claims.formats.setaside import SetAsideWriter
from payerwatch.claims.load_files import refuse_unusable_paths, set_aside_file
from payerwatch.claims.loading import Loaded, Progress, load_claims, lock_claims
from payerwatch.claims.models import CptGroupMapping, PayerMapping, Upload
from payerwatch.claims.queries import (
    earlier_upload_of,
    latest_upload_with,
    stands_whole,
    upload_with_id,
    uploads_that_repeated_claims_since,
)
from payerwatch.claims.slices import set_aside_slices
from payerwatch.drift import runoff
from payerwatch.drift.actions import Detected, lock_findings, note_remapping, withdraw_findings
from payerwatch.judging.week import judge_week
from payerwatch.measuring import metrics
from payerwatch.refusals import Refusal
from payerwatch.reports import actions as reports
from payerwatch.reports.models import Report
from payerwatch.tenancy import actions as tenancy
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

Mapping = TypeVar("Mapping", PayerMapping, CptGroupMapping)


class NothingAccepted(Refusal):
    """Every row of the file was set aside; nothing was stored."""

    def __init__(self, upload: Upload, file: ClaimsFile, order: "LoadOrder") -> None:
        super().__init__(
            f"None of the {upload.rows:,} rows could be loaded; nothing was stored.",
            where=", ".join(f"{code}: {count:,}" for code, count in upload.reasons.items()),
            fix=_where_rows_are(order),
        )
        self.upload = upload
        self.file = file

    def document(self) -> dict[str, Any]:
        upload = self.upload
        counts = {"rows": upload.rows, "accepted": upload.accepted, "set_aside": upload.set_aside}
        found = {"reasons": upload.reasons, "mapping": upload.mapping, "dropped_columns": upload.dropped_columns}
        return super().document() | counts | found


@dataclass(frozen=True)
class LoadOrder:
    """What is asked of a load. `mapping` and `date_order` overrule what the file's header suggests.

    `arrived` is the row of a file that was sent over HTTP: the load takes it over, and keeps the rows set aside.
    """

    path: Source
    mapping: dict[str, str | None] | None = None
    date_order: str | None = None
    dry_run: bool = False
    set_aside: Path | None = None
    arrived: Upload | None = None
    form: Form = "csv"


def _where_rows_are(order: LoadOrder) -> str:
    if order.arrived is not None:
        return f"GET uploads/{order.arrived.public_id}/rejected-rows/ has the rows, each with its reason and fix."
    if order.set_aside is not None:
        return f"The rows are in {order.set_aside}, each with its reason and fix."
    return "Use --set-aside FILE to get the rows back with a reason and a fix for each."


@dataclass(frozen=True)
class LoadResult:
    """The upload; with `already_loaded`, the earlier one of the same bytes. A dry run's is not stored."""

    upload: Upload
    file: ClaimsFile
    already_loaded: bool
    loaded: Loaded | None = None


def add_customer(name: str, *, actor: Actor) -> Customer:
    """Add a customer. Raises CustomerExists or CustomerNameUnusable."""
    with refusals_recorded("add", Thing("customer"), actor=actor), transaction.atomic():
        customer = tenancy.add_customer(name)
        thing = Thing("customer", customer.public_id)
        record_for_installation("add", thing, actor=actor)
        with acting_in(customer):
            record("add", thing, actor=actor)
        return customer


def load(customer: Customer, order: LoadOrder, *, actor: Actor, progress: Progress, today: date) -> LoadResult:
    """Receive, load and count one file. Of a file loaded before, only what an undo took since is loaded again.

    Raises FileNotReadable, SetAsideNotWritable, FileRefused or NothingAccepted; nothing is then stored.
    """
    if isinstance(order.path, Path):
        refuse_unusable_paths(order.path, order.set_aside)
    thing = Thing("upload", order.arrived.public_id if order.arrived is not None else "")
    with refusals_recorded("load", thing, actor=actor, customer=customer):
        with acting_in(customer):
            result = _load(order, progress, today)
            if not order.dry_run and not result.already_loaded:
                _record_load(result, order, actor)
                return result
            transaction.set_rollback(True)
        with acting_in(customer):
            _record_load(result, order, actor)
        return result


def _load(order: LoadOrder, progress: Progress, today: date) -> LoadResult:
    """Load within the caller's transaction, which a dry run or a file that was loaded already rolls back."""
    progress("read", 0, 1)
    lock_claims()
    scan = scan_claims(order.path, order.form)
    earlier = earlier_upload_of(scan.digest)
    if earlier is not None:
        order = _read_as_before(order, earlier)
    file = open_claims_file(
        order.path,
        form=order.form,
        mapping=order.mapping,
        date_order=order.date_order,
        remembered=_remembered(order),
        scan=scan,
        today=today,
    )
    progress("read", file.size_bytes, file.size_bytes)
    if earlier is not None and stands_whole(earlier):
        _give_back_again(order.set_aside, file)
        return LoadResult(earlier, file, already_loaded=True)
    upload = claims.receive_upload(file, order.path.name)
    with _rows_set_aside(order, upload, file) as set_aside:
        loaded = load_claims(file, upload, progress=progress, set_aside=set_aside, only_missing=earlier is not None)
    if not upload.accepted:
        raise NothingAccepted(upload, file, order)
    if earlier is not None and not upload.new_claims:
        return LoadResult(earlier, file, already_loaded=True)
    progress("count", 0, 1)
    runoff.count_upload(upload)
    progress("count", 1, 1)
    if order.arrived is not None:
        take_over(upload, order.arrived)
    return LoadResult(upload, file, already_loaded=False, loaded=loaded)


def _record_load(result: LoadResult, order: LoadOrder, actor: Actor) -> None:
    """One entry; of a file loaded before it names the earlier upload, of a dry run none."""
    upload, stored = result.upload, result.already_loaded or not order.dry_run
    if stored and not result.already_loaded:
        transaction.on_commit(partial(_count_load, upload))
    counts = ("rows", "accepted", "set_aside", "new_claims", "updated_claims", "unchanged_claims")
    after = {name: getattr(upload, name) for name in counts}
    after |= {"digest": upload.digest, "already_loaded": result.already_loaded, "dry_run": order.dry_run}
    record("load", Thing("upload", upload.public_id if stored else ""), actor=actor, after=after)


def _count_load(upload: Upload) -> None:
    for what in ("new", "updated", "unchanged"):
        metrics.claims.labels(what).inc(getattr(upload, f"{what}_claims"))
    metrics.set_aside.inc(upload.set_aside)


@dataclass(frozen=True)
class Undone:
    """The upload taken back, and later ones that may have repeated its claims, which have gone with it."""

    upload: Upload
    repeated_by: list[Upload]
    events_set_back: int
    """Drift events that had been judged on weeks beyond the data that remain."""


def lock_claims_and_findings() -> None:
    """Both locks, in the one order in which they are taken: the other way round, two would wait for each other."""
    lock_claims()
    lock_findings()


def undo(customer: Customer, upload_id: str, *, actor: Actor, files_named: bool = True) -> Undone:
    """Take an upload back. Raises UnknownUpload, UploadNotLoaded, UploadAlreadyUndone or UploadChangedSince."""
    thing = Thing("upload", upload_id if _UPLOAD_ID.fullmatch(upload_id) else "")
    with refusals_recorded("undo", thing, actor=actor, customer=customer), acting_in(customer):
        lock_claims_and_findings()
        upload = upload_with_id(upload_id)
        claims.refuse_unless_undoable(upload, files_named=files_named)
        runoff.count_upload(upload, sign=-1)
        undone = claims.undo_upload(upload)
        result = Undone(undone, list(uploads_that_repeated_claims_since(upload)), withdraw_findings())
        counts = {"removed_claims": undone.new_claims, "restored_claims": undone.updated_claims}
        after = counts | {"state": undone.state, "events_set_back": result.events_set_back}
        record("undo", thing, actor=actor, before={"state": Upload.State.LOADED}, after=after)
        return result


_UPLOAD_ID = re.compile(r"upl_\w{1,20}")  # what was typed instead of one is not kept


class Mapped(NamedTuple, Generic[Mapping]):
    """A mapping as it is now, and whether there was none before."""

    mapping: Mapping
    new: bool


def map_payer(
    customer: Customer, raw_name: str, payer_name: str, *, actor: Actor, only_new: bool = False
) -> Mapped[PayerMapping]:
    """Map a spelling to a payer; claims and cells follow. Raises PayerNameUnusable.

    With `only_new` a spelling that is mapped stays as it is: MappedAlready where it means another payer.
    """
    with refusals_recorded("map", Thing("payer_mapping"), actor=actor, customer=customer), acting_in(customer):
        lock_claims_and_findings()
        names = claims.payer_names(raw_name, payer_name)
        spelling = claims.payer_spelling(raw_name)
        if only_new and spelling is not None:
            mapping = _left(spelling, same=claims.payer_meant(*names) == spelling.payer)
        else:
            mapping = _map_payer(spelling, *names)
        # Payers' names are no patients' data; the file's spelling, which may be any cell of it, is told by its number.
        before = {"payer": spelling.payer.name} if spelling is not None else None
        after = {"payer": mapping.payer.name}
        record("map", Thing("payer_mapping", mapping.public_id), actor=actor, before=before, after=after)
        return Mapped(mapping, new=spelling is None)


def _left(mapping: Mapping, *, same: bool) -> Mapping:
    """What is mapped, left as it is. Raises MappedAlready where that is not the same as what is asked for."""
    if not same:
        raise claims.MappedAlready(mapping)
    return mapping


def _map_payer(spelling: PayerMapping | None, raw_name: str, payer_name: str) -> PayerMapping:
    """Map what may be mapped already, as `spelling`."""
    if spelling is not None:
        runoff.count_spelling(spelling.pk, sign=-1)
    mapping = claims.map_payer(raw_name, payer_name)
    if spelling is not None:
        runoff.count_spelling(mapping.pk, sign=1)
    note_remapping()
    return mapping


def map_cpt_group(
    customer: Customer, code_from: str, code_to: str, group: str, *, actor: Actor, only_new: bool = False
) -> Mapped[CptGroupMapping]:
    """Group a range of codes the customer's own way; claims and cells follow.

    With `only_new` a range that is grouped stays as it is: MappedAlready where it has another group.
    Raises CodeRangeUnusable or CptGroupNameUnusable.
    """
    with refusals_recorded("map", Thing("cpt_group_mapping"), actor=actor, customer=customer), acting_in(customer):
        lock_claims_and_findings()
        codes, name = claims.code_range(code_from, code_to), claims.cpt_group_name(group)
        earlier = claims.cpt_group_mapping(*codes)
        if only_new and earlier is not None:
            mapping = _left(earlier, same=earlier.cpt_group == name)
        else:
            mapping = _map_cpt_group(*codes, name)
        before = {"cpt_group": earlier.cpt_group} if earlier is not None else None
        record(
            "map", Thing("cpt_group_mapping", mapping.public_id), actor=actor, before=before, after=_said_of(mapping)
        )
        return Mapped(mapping, new=earlier is None)


def _map_cpt_group(code_from: str, code_to: str, group: str) -> CptGroupMapping:
    runoff.count_codes(code_from, code_to, sign=-1)
    mapping = claims.map_cpt_group(code_from, code_to, group)
    runoff.count_codes(code_from, code_to, sign=1)
    note_remapping()
    return mapping


def unmap_cpt_group(customer: Customer, mapping: CptGroupMapping, *, actor: Actor) -> None:
    """Take a grouping away; claims and cells go back to what else says where they belong.

    Raises UnknownCptGroupMapping.
    """
    thing = Thing("cpt_group_mapping", mapping.public_id)
    with refusals_recorded("unmap", thing, actor=actor, customer=customer), acting_in(customer):
        lock_claims_and_findings()
        codes = mapping.code_from, mapping.code_to
        runoff.count_codes(*codes, sign=-1)
        removed = claims.unmap_cpt_group(mapping.pk)
        runoff.count_codes(*codes, sign=1)
        note_remapping()
        record("unmap", thing, actor=actor, before=_said_of(removed))


def _said_of(mapping: CptGroupMapping) -> dict[str, str]:
    return {"code_from": mapping.code_from, "code_to": mapping.code_to, "cpt_group": mapping.cpt_group}


def detect(customer: Customer, as_of: date | None = None, *, actor: Actor) -> Detected:
    """Judge one week of a customer's cells. Raises NothingToJudge."""
    with refusals_recorded("detect", Thing("drift_run"), actor=actor, customer=customer), acting_in(customer):
        return judge_week(as_of, actor=actor)


def report(customer: Customer, month: date, *, revise: bool = False, actor: Actor) -> Report:
    """Build the report of a month. Raises MonthNotBegun, NothingToReport, ReportIssued or NothingToRevise."""
    with refusals_recorded("build", Thing("report"), actor=actor, customer=customer), acting_in(customer):
        return reports.build_now(month, revise=revise, actor=actor)


def issue_report(customer: Customer, built: Report, *, actor: Actor) -> Report:
    """Make a report final. Raises ReportIssued, ReportNotBuilt, MonthNotOver or BuiltBeforeTheEnd."""
    thing = Thing("report", built.public_id)
    with refusals_recorded("issue", thing, actor=actor, customer=customer), acting_in(customer):
        return reports.issue_report(built, actor=actor)


def _read_as_before(asked: LoadOrder, earlier: Upload) -> LoadOrder:
    """The order for bytes that were loaded before: what it leaves open is as it was then."""
    return replace(
        asked, mapping=asked.mapping or earlier.mapping, date_order=asked.date_order or earlier.date_order or None
    )


def _remembered(asked: LoadOrder) -> Remembered | None:
    """What the customer said of an earlier file with the same header."""
    named = [column for column in (asked.mapping or {}).values() if column]
    signature = read_header_signature(asked.path, named, form=asked.form)
    upload = latest_upload_with(signature)
    if upload is None:
        return None
    order = next((order for order in DATE_ORDERS if order == upload.date_order), None)
    return Remembered(signature, upload.mapping, order)


def _rows_set_aside(
    order: LoadOrder, upload: Upload, file: ClaimsFile
) -> AbstractContextManager[SetAsideWriter | None]:
    if order.arrived is not None:
        return set_aside_slices(upload, file, order.arrived.public_id)
    return set_aside_file(order.set_aside, file)


def _give_back_again(path: Path | None, file: ClaimsFile) -> None:
    """Write the rows set aside when this very file was loaded before."""
    with set_aside_file(path, file) as set_aside:
        if set_aside is not None:
            for batch in file.batches():
                set_aside.write(batch.set_aside)
