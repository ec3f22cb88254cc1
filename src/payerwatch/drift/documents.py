"""Drift events as documents for programs, with the sentence people read."""

from datetime import date
from typing import Any, cast

from payerwatch.claims.cpt_groups import GROUP_LABELS
from payerwatch.drift.judgement import Tier
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.sentences import EventFacts, sentence
from payerwatch.drift.window_tests import Direction, Measure

WINDOW_FIELDS = ("kind", "weeks", "first_week", "last_week")


def event_document(event: DriftEvent) -> dict[str, Any]:
    """An event as programs read it. Amounts are dollars here, and whole cents everywhere else."""
    return {
        "id": event.public_id,
        "measure": event.measure,
        "payer": event.payer.name,
        "cpt_group": event.cpt_group or None,
        "parent": event.parent.public_id if event.parent else None,
        "direction": event.direction,
        "tier": event.tier,
        "certainty": event.certainty,
        "status": event.status,
        "episode": event.episode,
        "first_week": event.first_week,
        "alert_week": event.alert_week,
        "as_of_week": event.as_of_week,
        "closed_week": event.closed_week,
        "window": {name: event.window[name] for name in WINDOW_FIELDS},
        "observed": event.observed,
        "expected": event.expected,
        "effect": event.effect,
        "p_value": event.p_value,
        "q_value": event.q_value,
        "claims": event.claims,
        "amount_at_risk": None if event.amount_at_risk is None else event.amount_at_risk / 100,
        "top_denial_category": event.top_denial_category,
        "provisional": event.provisional,
        "returned_from": event.returned_from.public_id if event.returned_from else None,
        "triage": event.triage,
        "triage_reason": event.triage_reason,
        "snoozed_until": event.snoozed_until or event.snooze or None,
        "note": event.triage_note or "",
        "sentence": event_sentence(event),
    }


def event_sentence(event: DriftEvent) -> str:
    """The event in plain sentences."""
    return sentence(event_facts(event))


def event_facts(event: DriftEvent) -> EventFacts:
    """The event as of the week it was last judged."""
    kind = event.window["kind"]
    return EventFacts(
        measure=cast(Measure, event.measure),
        payer=event.payer.name,
        cpt_group_label=group_label(event.cpt_group),
        direction=cast(Direction, event.direction),
        tier=cast(Tier, event.tier),
        certainty=event.history[-1]["certainty"] or "watch",
        observed=event.observed,
        expected=event.expected,
        effect=event.effect,
        claims=event.claims,
        window_weeks=event.window["weeks"],
        window_start=date.fromisoformat(event.window["first_week"]),
        window_kind=kind if kind in ("decided", "submitted") else "waiting",
        amount_at_risk=event.amount_at_risk,
        top_denial_category=event.top_denial_category,
        status="open" if event.status == DriftEvent.Status.OPEN else "closed",
    )


def group_label(group: str) -> str | None:
    """Our label of a CPT group, or a customer's own name for one; None for all groups."""
    return GROUP_LABELS.get(group, group.replace("_", " ")) if group else None
