"""What people do about a drift event: take it on, put it off, call it noise, close it, note something.

It changes nothing of what is judged: an event that was closed here stays open to the detector until it is over, and
one that was snoozed comes back when what it was put off for has come.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.claims.queries import newest_upload_id
from payerwatch.drift.actions import lock_findings
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import event_with_id
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy import time_zones

WORSE_BY = 1.25
"""Snoozed until worse by a quarter."""
NOISE_REASONS = ("our_data", "expected", "too_small")
CLOSE_REASONS = ("recovered", "fixed_with_payer", "accepted")
LONGEST_NOTE = 2_000


class EventOver(Refusal):
    """The drift event is over: there is nothing to take on or to put off."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "This drift event is over.", fix="Should it come back, that is a new event, linked to this one."
        )


class ReasonUnknown(Refusal):
    """There is no such reason for this."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__("There is no such reason.", where="reason", fix=f"Give one of: {', '.join(reasons)}.")


class SnoozeUnusable(Refusal):
    """A snooze is until it is worse, until the next upload, or until a date that is to come."""

    def __init__(self) -> None:
        super().__init__(
            "This is nothing to snooze until.", where="until", fix="Give worse, upload, or a date that is to come."
        )


@dataclass(frozen=True)
class Until:
    """What an event is put off for: `worse`, `upload`, or `date` with the day."""

    kind: str
    day: date | None = None


def acknowledge_event(event: DriftEvent, *, actor: Actor, note: str | None = None) -> DriftEvent:
    """Take it on: it is told of again only where it doubles. Raises EventOver."""
    return _triaged(event, DriftEvent.Triage.ACKNOWLEDGED, "acknowledge", actor=actor, note=note)


def snooze_event(event: DriftEvent, until: Until, *, actor: Actor, note: str | None = None) -> DriftEvent:
    """Put it off. Raises EventOver or SnoozeUnusable."""
    if until.kind not in DriftEvent.Snooze.values or (until.kind == DriftEvent.Snooze.DATE) != (until.day is not None):
        raise SnoozeUnusable
    if until.day is not None and until.day <= time_zones.today():
        raise SnoozeUnusable
    return _triaged(event, DriftEvent.Triage.SNOOZED, "snooze", actor=actor, note=note, until=until)


def mark_noise(event: DriftEvent, reason: str, *, actor: Actor, note: str | None = None) -> DriftEvent:
    """Say that it is nothing the payer does: nothing more is told of it. Raises ReasonUnknown."""
    if reason not in NOISE_REASONS:
        raise ReasonUnknown(NOISE_REASONS)
    return _triaged(event, DriftEvent.Triage.NOISE, "mark_noise", actor=actor, note=note, reason=reason)


def close_event(event: DriftEvent, reason: str, *, actor: Actor, note: str | None = None) -> DriftEvent:
    """Be done with it: nothing more is told of it. Raises ReasonUnknown."""
    if reason not in CLOSE_REASONS:
        raise ReasonUnknown(CLOSE_REASONS)
    return _triaged(event, DriftEvent.Triage.CLOSED, "close", actor=actor, note=note, reason=reason)


def note_on_event(event: DriftEvent, note: str, *, actor: Actor) -> DriftEvent:
    """Put a note in the place of the one before; empty takes it away."""
    lock_findings()
    event = event_with_id(event.public_id)
    event.triage_note = note
    event.save(update_fields=["triage_note"])
    record("note", _thing(event), actor=actor, after={"letters": len(note)})
    return event


def wake_snoozed() -> list[DriftEvent]:
    """Let events whose snooze has ended be as new. Whoever calls holds the findings."""
    snoozed = list(DriftEvent.objects.filter(triage=DriftEvent.Triage.SNOOZED).order_by("pk"))
    if not snoozed:
        return []
    today, newest = time_zones.today(), newest_upload_id()
    woken = [event for event in snoozed if _has_come(event, today, newest)]
    for event in woken:
        event.triage, event.snooze = DriftEvent.Triage.NEW, ""
        event.snoozed_until = event.snoozed_at_size = event.snoozed_at_upload = None
    DriftEvent.objects.bulk_update(woken, ["triage", "snooze", "snoozed_until", "snoozed_at_size", "snoozed_at_upload"])
    return woken


def _has_come(event: DriftEvent, today: date, newest_upload: int) -> bool:
    if event.snooze == DriftEvent.Snooze.DATE:
        return event.snoozed_until is not None and event.snoozed_until <= today
    if event.snooze == DriftEvent.Snooze.UPLOAD:
        return newest_upload > (event.snoozed_at_upload or 0)
    then, (now, unit) = event.snoozed_at_size, _size(event)
    if event.snoozed_in != unit:
        return True
    return then is not None and now > then and now >= WORSE_BY * then


def _triaged(
    event: DriftEvent,
    triage: DriftEvent.Triage,
    verb: str,
    *,
    actor: Actor,
    note: str | None,
    reason: str = "",
    until: Until | None = None,
) -> DriftEvent:
    lock_findings()
    event = event_with_id(event.public_id)
    if event.status == DriftEvent.Status.CLOSED and triage in _OF_WHAT_GOES_ON:
        raise EventOver
    before = {"triage": event.triage}
    event.triage, event.triage_reason = triage, reason
    event.triaged_by, event.triaged_at = actor.id, timezone.now()
    event.triage_note = event.triage_note if note is None else note
    _set_snooze(event, until)
    event.save()
    after: dict[str, Any] = {"triage": str(triage), "reason": reason}
    if until is not None:
        after |= {"until": until.day or until.kind}
    record(verb, _thing(event), actor=actor, before=before, after=after)
    return event


_OF_WHAT_GOES_ON = (DriftEvent.Triage.ACKNOWLEDGED, DriftEvent.Triage.SNOOZED)


def _set_snooze(event: DriftEvent, until: Until | None) -> None:
    event.snooze = until.kind if until is not None else ""
    event.snoozed_until = until.day if until is not None else None
    event.snoozed_at_size, event.snoozed_in = _size(event) if event.snooze == DriftEvent.Snooze.WORSE else (None, "")
    event.snoozed_at_upload = newest_upload_id() if event.snooze == DriftEvent.Snooze.UPLOAD else None


def _size(event: DriftEvent) -> tuple[float, str]:
    """How bad it is, and in what: what it costs, or where that is not known how far it is from what was expected."""
    if event.amount_at_risk:
        return float(abs(event.amount_at_risk)), "cents"
    return abs(event.observed - event.expected), "claims"


def _thing(event: DriftEvent) -> Thing:
    return Thing("drift_event", event.public_id)
