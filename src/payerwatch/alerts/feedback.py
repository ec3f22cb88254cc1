"""What people found alerts and drift events to be: it decides what is held back, and what a rule is worth."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from payerwatch.alerts.models import SERIES, Alert, Verdict
from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.drift.actions import lock_findings
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.triage import mark_noise
from payerwatch.refusals import Refusal


class RecoveredNotReal(Refusal):
    """Money can be recovered only from what was real."""

    def __init__(self) -> None:
        super().__init__(
            "An amount was recovered from what is not called real.", where="recovered_amount", fix="Give none, or real."
        )


def verdicts_in_force() -> QuerySet[Verdict]:
    """What is said now: nothing in the place of which something else was said, and no event called noise that was
    taken on, or closed for another reason, since.
    """
    still_noise = Q(alert__isnull=False) | Q(event=None) | Q(event__triage=DriftEvent.Triage.NOISE)
    return Verdict.objects.filter(still_noise, superseded_at=None)


def give_verdict(
    alert: Alert,
    kind: str,
    *,
    reason: str = "",
    recovered_amount: int | None = None,
    note: str | None = None,
    actor: Actor,
) -> Verdict:
    """Say what an alert was; `recovered_amount` in cents. Raises RecoveredNotReal."""
    if recovered_amount is not None and kind != Verdict.Kind.REAL:
        raise RecoveredNotReal
    lock_findings()
    now = timezone.now()
    Verdict.objects.filter(alert=alert, superseded_at=None).update(superseded_at=now)
    said = {"kind": kind, "reason": reason, "recovered_amount": recovered_amount}
    verdict = Verdict.objects.create(
        alert=alert, event_id=alert.event_id, note=note, given_by=actor.id, given_at=now, **said, **_series(alert)
    )
    after = said | {"verdict": verdict.public_id}
    record("judge", Thing("alert", alert.public_id), actor=actor, after=after)
    return verdict


def call_noise(event: DriftEvent, reason: str, *, note: str | None = None, actor: Actor) -> DriftEvent:
    """Mark a drift event as noise, which is a verdict on it as well. Raises ReasonUnknown."""
    event = mark_noise(event, reason, actor=actor, note=note)
    now = timezone.now()
    _verdicts_on(event).update(superseded_at=now)
    Verdict.objects.create(
        event=event, kind=Verdict.Kind.NOISE, reason=reason, given_by=actor.id, given_at=now, **_series(event)
    )
    return event


def _verdicts_on(event: DriftEvent) -> Any:
    return Verdict.objects.filter(alert=None, superseded_at=None, **_series(event))


def _series(about: Alert | DriftEvent) -> dict[str, Any]:
    return {name: getattr(about, name) for name in SERIES}
