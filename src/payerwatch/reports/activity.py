"""What Payerwatch and people did about the claims of some weeks: events, alerts, verdicts, files.

Events are of the weeks that were judged. Alerts, verdicts and files are of the days, by UTC, on which they were sent,
given or loaded. Amounts are whole cents.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from payerwatch.alerts.models import Alert, Verdict
from payerwatch.claims.models import Upload
from payerwatch.drift.documents import event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.reports.months import Weeks

EVENTS_NAMED = 50
_KIND = ("tier", "direction", "measure")
_ALERT, _WORSE = DriftEvent.Tier.ALERT, DriftEvent.Direction.WORSE


def events_seen(weeks: Weeks) -> list[DriftEvent]:
    """The events that were open in any of the weeks."""
    lasted = Q(closed_week__isnull=True) | Q(closed_week__gte=weeks.first)
    seen = DriftEvent.objects.filter(lasted, first_week__lte=weeks.last).select_related("payer")
    return list(seen.defer("windows", "baseline").order_by("pk"))


def events_counted(events: Iterable[DriftEvent], weeks: Weeks) -> list[dict[str, Any]]:
    """How many opened, closed and were open at the end, by tier, direction and measure."""
    kinds: dict[tuple[str, ...], list[DriftEvent]] = {}
    for event in events:
        kinds.setdefault(tuple(str(getattr(event, name)) for name in _KIND), []).append(event)
    return [
        {
            **dict(zip(_KIND, kind, strict=True)),
            "opened": sum(weeks.first <= event.first_week for event in those),
            "closed": sum(not _open_after(event, weeks) for event in those),
            "open_at_end": sum(_open_after(event, weeks) for event in those),
            "amount_at_risk": _at_risk([event for event in those if _open_after(event, weeks)], weeks),
        }
        for kind, those in sorted(kinds.items())
    ]


def events_told(events: Iterable[DriftEvent], weeks: Weeks) -> list[dict[str, Any]]:
    """The events that were alerts, as people read them: what got worse and what costs most first."""
    alerts = [event for event in events if event.tier == _ALERT]
    return [_told(event, weeks) for event in sorted(alerts, key=lambda event: _place(event, weeks))]


def amount_at_risk(events: Iterable[DriftEvent], weeks: Weeks, measure: str) -> int | None:
    """Of the alerts open at the end that got worse; None where none has an amount."""
    kind = (_ALERT, _WORSE, measure)
    those = [event for event in events if (event.tier, event.direction, event.measure) == kind]
    return _at_risk([event for event in those if _open_after(event, weeks)], weeks)


def alerts_counted(weeks: Weeks) -> dict[str, Any]:
    states = (Alert.State.SENT, Alert.State.HELD, Alert.State.CANCELLED)
    settled = _within("settled_at", weeks)
    return Alert.objects.aggregate(
        raised=Count("pk", filter=_within("raised_at", weeks)),
        **{str(state): Count("pk", filter=settled & Q(state=state)) for state in states},
    )


def verdicts_counted(weeks: Weeks) -> dict[str, Any]:
    """The verdicts in force that were given in the weeks; of recovered money, what they say."""
    given = Verdict.objects.filter(_within("given_at", weeks), superseded_at=None)
    kinds = _counts(given, "kind")
    real, noise = kinds.get(Verdict.Kind.REAL, 0), kinds.get(Verdict.Kind.NOISE, 0)
    return {
        "by_kind": {kind: kinds.get(kind, 0) for kind in Verdict.Kind.values},
        "by_reason": _counts(given.exclude(reason=""), "reason"),
        "noise_share": noise / (real + noise) if real + noise else None,
        "recovered_amount": given.aggregate(sum=Sum("recovered_amount", default=0))["sum"],
    }


def files_counted(weeks: Weeks) -> dict[str, Any]:
    loaded = Upload.objects.filter(_within("loaded_at", weeks), state=Upload.State.LOADED)
    names = ("rows", "accepted", "set_aside")
    sums = loaded.aggregate(files=Count("pk"), **{name: Sum(name, default=0) for name in names})
    reasons: Counter[str] = Counter()
    for found in loaded.exclude(set_aside=0).values_list("reasons", flat=True):
        reasons.update(found)
    taken_back = Upload.objects.filter(_within("undone_at", weeks)).count()
    return sums | {"set_aside_by_reason": dict(sorted(reasons.items())), "files_taken_back": taken_back}


def _open_after(event: DriftEvent, weeks: Weeks) -> bool:
    """Whether it was not over at the end of the last week."""
    return event.closed_week is None or event.closed_week > weeks.last


def _at_risk(events: Sequence[DriftEvent], weeks: Weeks) -> int | None:
    """Where a payer as a whole is told, the money of its CPT groups is part of the payer's and not added again."""
    whole = {event.payer_id for event in events if not event.cpt_group}
    counted = [event for event in events if not event.cpt_group or event.payer_id not in whole]
    amounts = [amount for amount in (_amount_then(event, weeks) for event in counted) if amount is not None]
    return sum(amounts) if amounts else None


def _amount_then(event: DriftEvent, weeks: Weeks) -> int | None:
    """As it was judged last in the weeks, or before them."""
    last = weeks.last.isoformat()
    judged = [entry for entry in event.history if entry["week"] <= last and "amount_at_risk" in entry]
    amount: int | None = judged[-1]["amount_at_risk"] if judged else event.amount_at_risk
    return amount


def _told(event: DriftEvent, weeks: Weeks) -> dict[str, Any]:
    over = not _open_after(event, weeks)
    return {
        "id": event.public_id,
        "sentence": event_sentence(event),
        "payer": event.payer.name,
        "cpt_group": event.cpt_group or None,
        "measure": event.measure,
        "direction": event.direction,
        "certainty": event.certainty,
        "first_week": event.first_week.isoformat(),
        "closed_week": event.closed_week.isoformat() if over and event.closed_week is not None else None,
        "amount_at_risk": None if over else _amount_then(event, weeks),
    }


def _place(event: DriftEvent, weeks: Weeks) -> tuple[bool, bool, int, int]:
    over = not _open_after(event, weeks)
    return event.direction != _WORSE, over, -(_amount_then(event, weeks) or 0), event.pk


def _counts(rows: QuerySet[Verdict], column: str) -> dict[str, int]:
    return dict(rows.order_by(column).values_list(column).annotate(count=Count("pk")))


def _within(column: str, weeks: Weeks) -> Q:
    begin, end = _midnight(weeks.first), _midnight(weeks.last_day + timedelta(days=1))
    return Q(**{f"{column}__gte": begin, f"{column}__lt": end})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)
