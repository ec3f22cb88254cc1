"""The cause of each step that a worker does, made for one practice; a new step needs one here."""

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count

from django.utils import timezone

from payerwatch import receiving
from payerwatch.alerts.actions import raise_alerts, send_due
from payerwatch.alerts.models import Alert
from payerwatch.claims.arrivals import Asked
from payerwatch.deliveries.delivering import deliver
from payerwatch.deliveries.models import Message
from payerwatch.jobs.steps import Step
from payerwatch.judging.asked_runs import ask_for_run, judge_asked
from payerwatch.judging.nights import judge_night
from payerwatch.reports.actions import ask_for_report, build_asked
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.alerts.practice import CANARY, export
from tests.api import makers
from tests.api.makers import Practice
from tests.make import ACTOR

MONTH = date(2024, 12, 1)
_FILES = count(1)


def _received(practice: Practice) -> str:
    """A file with claims that no other has."""
    content = export().replace(CANARY.encode(), f"W{next(_FILES)}".encode())
    with acting_in(practice.customer):
        return receiving.receive(content, Asked("export.csv"), actor=ACTOR).public_id


def _loaded(practice: Practice) -> str:
    public_id = _received(practice)
    receiving.load_received(practice.customer.pk, public_id)
    return public_id


def _run_asked_for(practice: Practice) -> str:
    _loaded(practice)
    with acting_in(practice.customer):
        return ask_for_run(None, actor=ACTOR).public_id


def _judged(practice: Practice) -> str:
    """A run, with what it found and a rule that tells of it."""
    public_id = _run_asked_for(practice)
    judge_asked(practice.customer.pk, public_id)
    makers.rule(practice)
    return public_id


def _alert_due(practice: Practice) -> str:
    public_id = makers.alert(practice)
    with acting_in(practice.customer):
        due = Alert.objects.filter(public_id=public_id)
        due.update(state=Alert.State.WAITING, waits_for=Alert.WaitsFor.TIME, due_at=timezone.now(), because="")
    return practice.customer.public_id


def _night(practice: Practice) -> str:
    """One that has begun since the customer came."""
    _loaded(practice)
    long_ago = timezone.now() - timedelta(days=3)
    Customer.objects.filter(pk=practice.customer.pk).update(created_at=long_ago, judged_night=None)
    return practice.customer.public_id


def _report_asked_for(practice: Practice) -> str:
    _loaded(practice)
    with acting_in(practice.customer):
        return ask_for_report(MONTH, actor=ACTOR).public_id


def _message_waiting(practice: Practice) -> str:
    """The endpoint for which it waits."""
    public_id = makers.message(practice)
    with acting_in(practice.customer):
        waiting = Message.objects.filter(public_id=public_id)
        waiting.update(state=Message.State.WAITING, attempts_made=1, due_at=timezone.now())
        return str(waiting.get().endpoint.public_id)


# What makes the cause, and gives the public id by which the step knows it.
CAUSES: dict[Step, Callable[[Practice], str]] = {
    receiving.load_received: _received,
    receiving.judge_loaded: _loaded,
    judge_asked: _run_asked_for,
    judge_night: _night,
    raise_alerts: _judged,
    send_due: _alert_due,
    build_asked: _report_asked_for,
    deliver: _message_waiting,
}
