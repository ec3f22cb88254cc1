"""Reads of drift that others need."""

from datetime import date, timedelta

from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.db.models.functions import Coalesce

from payerwatch.claims.models import Claim
from payerwatch.claims.queries import claims_of
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.drift.runoff_arrays import LAG_WEEKS
from payerwatch.refusals import Kind, Refusal

READING_ORDER = ("better", "watched", "unsure", "cheaper", "q_value", "pk")
"""Of open events, as `events` annotates them: what got worse, alerts, the most certain and the most costly first."""


class UnknownEvent(Refusal):
    """No drift event of this customer has this id."""

    kind = Kind.MISSING


def events(*, watch: bool = False, closed: bool = False) -> QuerySet[DriftEvent]:
    """Drift events: open alerts that got worse; with `watch` also the watch tier and changes for the better;
    with `closed` also those that are over. In that order, and the most certain and most costly first.
    """
    chosen = DriftEvent.objects.select_related("payer", "parent", "returned_from")
    if not closed:
        chosen = chosen.filter(status=DriftEvent.Status.OPEN)
    if not watch:
        chosen = chosen.filter(tier=DriftEvent.Tier.ALERT, direction=DriftEvent.Direction.WORSE)
    return chosen.annotate(
        watched=_rank("tier", DriftEvent.Tier.WATCH),
        better=_rank("direction", DriftEvent.Direction.BETTER),
        over=_rank("status", DriftEvent.Status.CLOSED),
        unsure=_rank("certainty", "likely"),
        cheaper=Coalesce(0 - F("amount_at_risk"), Value(1)),  # what has no amount comes last
    ).order_by("over", *READING_ORDER)


def _rank(field: str, last: str) -> Case:
    return Case(When(**{field: last}, then=Value(1)), default=Value(0), output_field=IntegerField())


def event_with_id(public_id: str) -> DriftEvent:
    """Raises UnknownEvent."""
    event = DriftEvent.objects.select_related("payer", "parent", "returned_from").filter(public_id=public_id).first()
    if event is None:
        raise UnknownEvent(
            f"There is no drift event {public_id!r}.", fix="List them with: payerwatch events --all --customer NAME"
        )
    return event


def judged_runs() -> QuerySet[DriftRun]:
    """The runs that hold a judgement: none that waits, was refused or repeats another."""
    return DriftRun.objects.filter(data_version__isnull=False)


def newest_run() -> DriftRun | None:
    """The run whose findings are in force; where none is, the one of the latest week."""
    return judged_runs().order_by(F("carried_at").asc(nulls_first=True), "as_of_week", "pk").last()


def run_in_force() -> DriftRun | None:
    """The run that last changed events and was not withdrawn."""
    return runs_in_force().last()


def runs_in_force() -> QuerySet[DriftRun]:
    """The runs that changed events and were not withdrawn, the one that is in force last."""
    return judged_runs().filter(carried_at__isnull=False).defer("nodes").order_by("carried_at", "pk")


def unfinished_runs() -> QuerySet[DriftRun]:
    """The runs that were asked for and not yet judged, the first first."""
    return DriftRun.objects.filter(state__in=(DriftRun.State.REQUESTED, DriftRun.State.RUNNING)).order_by("pk")


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
    # A claim that has waited 25 weeks has no age in common with others, and the measure leaves it out.
    oldest = last - timedelta(weeks=LAG_WEEKS - 1)
    waiting = claims.filter(submitted_date__gt=oldest, submitted_date__lte=last)
    return waiting.exclude(first_decided_date__lte=last)


def _sunday(monday: str) -> date:
    return date.fromisoformat(monday) + timedelta(days=6)
