"""How much the database is asked does not grow with rules, events and alerts."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payerwatch.alerts.actions import bring_up_to_date
from payerwatch.deliveries.models import Message
from payerwatch.tenancy.context import acting_in
from tests.alerts.making import Clock, alerts_in, becomes, endpoint, event, member, payer, rule
from tests.make import customer

pytestmark = pytest.mark.django_db


def asked() -> int:
    """How many statements one step takes."""
    with CaptureQueriesContext(connection) as queries:
        bring_up_to_date()
    return len(queries)


def counts(monkeypatch: pytest.MonkeyPatch, *, rules: int, events: int) -> list[int]:
    """Of raising and sending at once, of gathering for digests, of sending them, and of doubling."""
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    with acting_in(customer(f"Practice of {rules} and {events}")):
        endpoint()
        told = [member().public_id]
        for number in range(rules):
            rule(cadence="daily" if number % 2 else "instant", recipients=told)
        each = [event(payer(f"Payer {number}")) for number in range(events)]
        found = [asked()]
        clock.move(hours=24)
        found.append(asked())
        for number, what in enumerate(each):
            becomes(what, amount_at_risk=50_000_00 + number)
        found.append(asked())
        assert len(alerts_in("sent")) == rules * events + (rules + 1) // 2 * events
        assert Message.objects.count() > events
    return found


BATCHES = 5
"""More statements for 120 alerts and their messages than for 6, as SQLite stores some dozens of rows with one."""


def test_many_rules_and_events_take_as_many_queries_as_few(monkeypatch: pytest.MonkeyPatch):
    few = counts(monkeypatch, rules=2, events=3)
    many = counts(monkeypatch, rules=6, events=20)
    assert all(more <= less + BATCHES for more, less in zip(many, few, strict=True)), (few, many)
    assert max(few) <= 25
