"""Reads of drift that others need."""

from datetime import date, timedelta

from django.db.models import Case, IntegerField, QuerySet, Value, When

from payerwatch.claims.models import Claim
from payerwatch.claims.queries import claims_of
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.refusals import Refusal


class UnknownEvent(Refusal):
    """No drift event of this customer has this id."""


def events(*, watch: bool = False, closed: bool = False) -> QuerySet[DriftEvent]:
    """Drift events, most pressing first: open alerts that got worse; with `watch` also the watch tier and
    changes for the better; with `closed` also those that are over.
    """
    chosen = DriftEvent.objects.select_related("payer", "parent")
    if not closed:
        chosen = chosen.filter(status=DriftEvent.Status.OPEN)
    if not watch:
        chosen = chosen.filter(tier=DriftEvent.Tier.ALERT, direction=DriftEvent.Direction.WORSE)
    return chosen.annotate(
        watched=_rank("tier", DriftEvent.Tier.WATCH),
        better=_rank("direction", DriftEvent.Direction.BETTER),
        over=_rank("status", DriftEvent.Status.CLOSED),
    ).order_by("over", "better", "watched", "q_value", "pk")


def _rank(field: str, last: str) -> Case:
    return Case(When(**{field: last}, then=Value(1)), default=Value(0), output_field=IntegerField())


def event_with_id(public_id: str) -> DriftEvent:
    """Raises UnknownEvent."""
    event = DriftEvent.objects.select_related("payer", "parent").filter(public_id=public_id).first()
    if event is None:
        raise UnknownEvent(
            f"There is no drift event {public_id!r}.", fix="List them with: payerwatch events --all --customer NAME"
        )
    return event


def newest_run() -> DriftRun | None:
    """The run of the latest week, and of it the latest."""
    return DriftRun.objects.order_by("as_of_week", "pk").last()


def claims_behind(event: DriftEvent) -> QuerySet[Claim]:
    """The claims an event is about: denied in its window, or still waiting at its end, oldest first.

    As they were known at the end of the week last judged. What cells do not count is not among them.
    """
    claims = claims_of(event.payer, event.cpt_group).exclude(billed_amount=0)
    first, last = event.window["first_week"], _sunday(event.window["last_week"])
    if event.measure == DriftEvent.Measure.DENIAL_RATE:
        denied = claims.filter(first_outcome=Claim.Outcome.DENIED, first_decided_date__lte=last)
        axis = "submitted_date" if event.window["kind"] == "submitted" else "first_decided_date"
        return denied.filter(**{f"{axis}__range": (first, last)}).exclude(first_denial_category="duplicate")
    waiting = claims.filter(submitted_date__lte=last)
    return waiting.exclude(first_decided_date__lte=last)


def _sunday(monday: str) -> date:
    return date.fromisoformat(monday) + timedelta(days=6)
