"""Every write to reports: asked for, built after the answer, issued.

A report that is asked for is a row that waits, as a drift run is: the step may be put on the queue as often as one
likes. Building holds the customer's claims and findings, so that all figures are of one moment.
"""

import hashlib
from datetime import date
from typing import Any

from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.claims.loading import lock_claims
from payerwatch.drift.actions import lock_findings
from payerwatch.jobs.enqueue import again, enqueue, for_each_customer
from payerwatch.jobs.steps import step, when_parked
from payerwatch.jobs.trouble import MOST_ATTEMPTS
from payerwatch.refusals import Kind, Refusal
from payerwatch.reports.building import Built, NothingToReport, build
from payerwatch.reports.models import Report
from payerwatch.reports.months import first_monday, weeks_of
from payerwatch.reports.queries import newest_report, unfinished_reports
from payerwatch.reports.telling import tell_issued
from payerwatch.tenancy import time_zones
from payerwatch.tenancy.context import acting_in

JOB = Actor("job", name="reports")


class MonthNotBegun(Refusal):
    """The first week of the month has not begun: there is nothing to report yet."""

    def __init__(self, month: date) -> None:
        super().__init__(
            f"The first week of {month:%Y-%m} begins on {first_monday(month)}.",
            where="month",
            fix="Choose a month that has begun.",
        )


class MonthNotOver(Refusal):
    """The last week of the month is not over, so that its report cannot be final."""

    kind = Kind.CONFLICT

    def __init__(self, month: date) -> None:
        super().__init__(
            f"The last week of {month:%Y-%m} ends on {weeks_of(month).last_day}.",
            fix="Issue the report after that day, and build it again before.",
        )


class BuiltBeforeTheEnd(Refusal):
    """The report was built before the last week of its month was over, so that it lacks the rest."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "The report was built before its last week was over.",
            fix="Ask for it again, then issue it once it is built.",
        )


class ReportNotBuilt(Refusal):
    """Only a report that is built can be issued."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("The report is not built.", fix="Wait until it is, or see in its refusal why it cannot be.")


class ReportIssued(Refusal):
    """The month's report is issued, and nothing changes it any more."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "The month's report is issued: it stays as it is.",
            where="revise",
            fix="If it has to be corrected, ask for a revision of it: revise.",
        )


class NothingToRevise(Refusal):
    """A revision was asked for of a month whose report is not issued."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "The month's report is not issued, so there is nothing to revise.",
            where="revise",
            fix="Ask for it without a revision: until it is issued it is built anew.",
        )


class BuildingFailed(Refusal):
    """Building the report was begun several times and never came to an end."""

    def __init__(self) -> None:
        super().__init__(
            f"Building failed {MOST_ATTEMPTS} times by a mistake in Payerwatch.",
            fix="Ask for it again; if that fails too, give the operator the id of this report.",
        )


def ask_for_report(month: date, *, revise: bool = False, actor: Actor) -> Report:
    """The month's report, which will be built, for the customer entered: the same again until it is issued, then, where
    that is asked for, a revision. Raises MonthNotBegun, ReportIssued or NothingToRevise.
    """
    report = _requested(month.replace(day=1), revise=revise)
    enqueue(build_asked, report.public_id)
    _record("request", report, actor, {"revises": report.revises.public_id} if report.revises else {})
    return report


def build_now(month: date, *, revise: bool = False, actor: Actor) -> Report:
    """The month's report, built at once. Raises as `ask_for_report`, and NothingToReport, which leaves none."""
    _lock()
    report = _requested(month.replace(day=1), revise=revise)
    _keep(report, build(report.month, time_zones.today()), actor)
    return report


@step
def build_asked(customer_id: int, public_id: str) -> None:
    """The step: build the report, unless that is done."""
    with acting_in(customer_id):
        Report.objects.filter(public_id=public_id, state=Report.State.REQUESTED).update(state=Report.State.BUILDING)
    with acting_in(customer_id):
        _lock()
        report = unfinished_reports().filter(public_id=public_id).first()
        if report is None:
            return
        try:
            _keep(report, build(report.month, time_zones.today()), JOB)
        except NothingToReport as refusal:
            _keep_refusal(report, refusal, voids=True)


@when_parked(build_asked)
def _building_failed(customer_id: int, public_id: str) -> None:
    """Nobody will go on trying: the report says so."""
    with acting_in(customer_id):
        report = unfinished_reports().filter(public_id=public_id).first()
        if report is not None:
            _keep_refusal(report, BuildingFailed(), voids=not report.document)


def issue_report(report: Report, *, actor: Actor) -> Report:
    """Make it final, and tell the endpoints that subscribe. The digest of its document stands on the record too.

    Raises ReportIssued, ReportNotBuilt, MonthNotOver or BuiltBeforeTheEnd.
    """
    report = Report.objects.select_for_update(of=("self",)).select_related("revises").get(pk=report.pk)
    _refuse_unless_final(report)
    report.state, report.issued_at, report.issued_by = Report.State.ISSUED, timezone.now(), actor.id
    report.digest = hashlib.sha256(report.document.encode()).hexdigest()
    report.save(update_fields=["state", "issued_at", "issued_by", "digest"])
    tell_issued(report)
    _record("issue", report, actor, {"data_version": report.data_version, "digest": report.digest})
    return report


def take_up_waiting_reports() -> None:
    """Put every customer's unfinished reports on the queue, unless they are there."""
    for_each_customer(_take_up_reports_of)


def _take_up_reports_of(customer_id: int) -> None:
    with acting_in(customer_id, reading=True):
        waiting = list(unfinished_reports().values_list("public_id", flat=True))
    for public_id in waiting:
        again(build_asked, customer_id, public_id)


def _requested(month: date, *, revise: bool) -> Report:
    """The row that waits: of two who ask at once, both get the same."""
    if first_monday(month) > time_zones.today():
        raise MonthNotBegun(month)
    last = newest_report(month)
    if last is not None and last.state == Report.State.ISSUED:
        if not revise:
            raise ReportIssued
        return _first_of(month, last.revision + 1, last)
    if revise and (last is None or last.revises is None):
        raise NothingToRevise
    return _again(last) if last is not None else _first_of(month, 1, None)


def _first_of(month: date, revision: int, revises: Report | None) -> Report:
    return Report.objects.get_or_create(month=month, revision=revision, defaults={"revises": revises})[0]


def _again(report: Report) -> Report:
    """What was built is kept to be read until it is built anew. Raises ReportIssued."""
    report.state, report.requested_at = Report.State.REQUESTED, timezone.now()
    open_still = Report.objects.filter(pk=report.pk).exclude(state=Report.State.ISSUED)
    if not open_still.update(state=report.state, requested_at=report.requested_at):
        raise ReportIssued
    return report


def _keep(report: Report, built: Built, actor: Actor) -> None:
    kept = {
        "state": Report.State.BUILT,
        "document": built.document,
        "data_version": built.data_version,
        "refusal": None,
        "built_at": timezone.now(),
    }
    if _settle(report, kept):
        _record("build", report, actor, {"data_version": built.data_version})


def _keep_refusal(report: Report, refusal: Refusal, *, voids: bool) -> None:
    """What was built before can be read on, unless the refusal `voids` it: it shows the data as they were."""
    kept: dict[str, Any] = {"state": Report.State.REFUSED, "refusal": refusal.as_dict()}
    if voids:
        kept |= {"document": "", "data_version": "", "built_at": timezone.now()}
    if _settle(report, kept):
        record("build", _thing(report), actor=JOB, after={"code": refusal.code}, outcome="refused")


def _settle(report: Report, kept: dict[str, Any]) -> bool:
    """Unless it was asked for again meanwhile: then whoever asked is yet to get it, with what was loaded by then."""
    if not Report.objects.filter(pk=report.pk, state=report.state).update(**kept):
        return False
    for name, value in kept.items():
        setattr(report, name, value)
    return True


def _refuse_unless_final(report: Report) -> None:
    if report.state == Report.State.ISSUED:
        raise ReportIssued
    if report.state != Report.State.BUILT:
        raise ReportNotBuilt
    if weeks_of(report.month).last_day >= time_zones.today():
        raise MonthNotOver(report.month)
    if report.figures["preliminary"]:
        raise BuiltBeforeTheEnd


def _lock() -> None:
    """Hold the customer's claims, then the findings, in the order in which all do."""
    lock_claims()
    lock_findings()


def _record(verb: str, report: Report, actor: Actor, more: dict[str, Any]) -> None:
    after = {"month": report.month, "revision": report.revision, **more}
    record(verb, _thing(report), actor=actor, after=after)


def _thing(report: Report) -> Thing:
    return Thing("report", report.public_id)
