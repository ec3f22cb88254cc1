"""What alerts are made of, for tests: events, rules, people and endpoints of the customer entered, and a clock."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from payerwatch.alerts.feedback import give_verdict
from payerwatch.alerts.models import Alert, Rule
from payerwatch.alerts.rules import add_rule
from payerwatch.claims.models import Payer
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.secrets import URL, sealed
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.members.models import Member
from tests.make import ACTOR
from tests.members.credentials import person

MONDAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC)
WINDOW = {"kind": "decided", "weeks": 4, "first_week": "2025-12-15", "last_week": "2026-01-05"}
_NUMBERS = count(1)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def payer(name: str = "Aetna") -> Payer:
    return Payer.objects.get_or_create(name=name, name_key=name.lower())[0]


def week_entry(week: date, certainty: str | None, amount: int | None, tier: str | None = "alert") -> dict[str, Any]:
    return {"week": week.isoformat(), "tier": tier, "certainty": certainty, "amount_at_risk": amount, "observed": 30}


def event(about: Payer, group: str = "", *, amount: int | None = 5_000_00, **columns: Any) -> DriftEvent:
    usual: dict[str, Any] = {
        "measure": "denial_rate", "direction": "worse", "tier": "alert", "certainty": "likely", "first_week": MONDAY,
        "alert_week": MONDAY, "as_of_week": MONDAY, "window": WINDOW, "observed": 30, "expected": 10.0, "effect": 0.2,
        "p_value": 1e-6, "q_value": 1e-4, "claims": 100,
    }  # fmt: skip
    told = usual | columns
    history = [week_entry(told["as_of_week"], told["certainty"], amount)]
    return DriftEvent.objects.create(**{"history": history} | told, payer=about, cpt_group=group, amount_at_risk=amount)


def becomes(what: DriftEvent, **columns: Any) -> DriftEvent:
    """The event with these columns, as a judgement would have left it."""
    DriftEvent.objects.filter(pk=what.pk).update(**columns)
    return DriftEvent.objects.get(pk=what.pk)


def member(name: str = "Somebody") -> Member:
    return Member.objects.create(person=person(f"{name.lower()}.{next(_NUMBERS)}@example.com"), role="owner")


def endpoint(**columns: Any) -> Endpoint:
    address = sealed("https://hooks.example.com/told", URL)
    return Endpoint.objects.create(**{"channel": "webhook", "sealed_url": address} | columns)


def rule(**terms: Any) -> Rule:
    """One without a cool-down, unless it is given."""
    return add_rule({"cool_down_hours": 0, "certainty": "watch"} | terms, actor=ACTOR)


def found_noise(name: str = "Aetna", times: int = 2) -> None:
    """Alerts about the payer that were sent and found to be noise; nothing of them is open."""
    about = event(payer(name), measure="days_to_decision", direction="better", status="closed", closed_week=MONDAY)
    telling = rule(direction="better", enabled=False)
    for number in range(times):
        sent = Alert.objects.create(
            rule=telling, event=about, measure=about.measure, payer=about.payer, direction="better", episode=1,
            escalation=number, state="sent", certainty="likely", sentence="", settled_at=timezone.now(),
        )  # fmt: skip
        give_verdict(sent, "noise", actor=ACTOR)


def judged(*, stalled: bool = False, at: datetime = NOON) -> DriftRun:
    """A run that is in force."""
    version = f"{next(_NUMBERS):064}"
    return DriftRun.objects.create(
        as_of_week=MONDAY, data_version=version, carried_at=at, data_feed_stalled=stalled, summary={}
    )


def alerts_in(state: str) -> list[Alert]:
    return list(Alert.objects.filter(state=state).order_by("pk"))


def is_quiet(of_whom: Rule, now: datetime) -> bool:
    """Whether the rule tells nobody at that hour, reckoned without the product."""
    if of_whom.quiet_from is None or of_whom.quiet_until is None:
        return False
    return (now.hour - of_whom.quiet_from) % 24 < (of_whom.quiet_until - of_whom.quiet_from) % 24
