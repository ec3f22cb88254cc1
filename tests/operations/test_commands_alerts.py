"""The commands about rules, alerts, triage and endpoints: the whole of it without a server."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from payerwatch.audit.models import Entry
from payerwatch.deliveries import sending
from payerwatch.deliveries.channels import webhook
from payerwatch.deliveries.models import Message
from payerwatch.jobs import enqueue, queue
from payerwatch.jobs.job import Job
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.alerts.practice import export_file

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://hooks.example.com/payerwatch"


@pytest.fixture(autouse=True)
def done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are done as soon as their cause is kept, as a command does them on SQLite."""

    def put(job: Job, at: datetime | None, *, found: bool) -> None:
        if at is None or at <= timezone.now():
            transaction.on_commit(job.run)

    monkeypatch.setattr(enqueue, "put", put)


@pytest.fixture
def practice(tmp_path: Path) -> Customer:
    """Loaded, and not judged."""
    customer = make.customer()
    done = make.answer("load", export_file(tmp_path), "--date-order", "ymd")
    assert done.code == 0, done.document
    return customer


def done(command: str, *arguments: object) -> Any:
    answered = make.answer(command, *arguments)
    assert answered.code == 0, answered.document
    return answered.document


def test_a_rule_is_said_in_a_sentence_and_put_to_the_past(practice: Customer):
    terms = ("--measure", "denial_rate", "--payer", "aetna", "--least-amount", "1000", "--quiet", "20", "7")
    rule = done("add_rule", *terms)
    assert rule["sentence"] == (
        "Tell all endpoints that subscribe at once when the denial rate rises, likely or more, at least $1,000, "
        "payer Aetna."
    )
    assert [each["id"] for each in done("rules")] == [rule["id"]]
    done("detect")
    (replayed,) = done("rules", "--replay")
    assert replayed["replay"]["would_have_sent"] == 1
    assert f"In the 90 days to {replayed['replay']['until']}" in make.words("rules", "--replay")
    assert done("remove_rule", rule["id"]) == {"removed": rule["id"]}
    assert done("rules") == []


def test_an_alert_that_nobody_is_told_of_says_so_and_is_judged_all_the_same(practice: Customer):
    done("add_rule", "--measure", "denial_rate")
    done("detect")
    (alert,) = done("alerts")
    assert (alert["state"], alert["because"]) == ("held", "nobody_to_tell")
    assert "the rule has nobody to tell" in make.words("alerts", "--state", "held")
    judged = done("judge", alert["id"], "real", "--reason", "payer_error", "--recovered", "1200.50", "--note", "paid")
    assert judged["kind"] == "real"
    assert done("alerts")[0]["verdict"] == "real"
    endpoint = done("add_endpoint", URL)
    assert endpoint["secret"].startswith("whsec_")
    assert done("release", alert["id"])["state"] == "sent"
    with acting_in(practice):
        (message,) = Message.objects.all()
    assert (message.type, message.about) == ("alert.raised", alert["id"])


def test_what_nobody_was_told_of_is_sent_once_somebody_is_there(practice: Customer):
    done("add_rule", "--measure", "denial_rate")
    done("detect")
    done("detect")
    assert [each["because"] for each in done("alerts")] == ["nobody_to_tell"]
    done("add_endpoint", URL)
    done("detect")
    assert [each["state"] for each in done("alerts")] == ["sent"]


def test_an_event_is_triaged_and_nothing_more_is_told_of_it(practice: Customer):
    done("add_endpoint", URL)
    done("detect")
    event = done("events")[0]["id"]
    assert done("triage", event, "acknowledge", "--note", "asked them")["triage"] == "acknowledged"
    assert done("triage", event, "snooze", "--until", "worse")["triage"] == "snoozed"
    done("add_rule", "--measure", "denial_rate")
    done("detect")
    (alert,) = done("alerts")
    assert (alert["state"], alert["waits_for"]) == ("waiting", "snooze")
    assert done("triage", event, "noise", "--reason", "our_data")["reason"] == "our_data"
    done("detect")
    (alert,) = done("alerts")
    assert (alert["state"], alert["because"]) == ("cancelled", "triaged")
    assert done("events")[0]["note"] == "asked them"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("triage", "evt_2222222222222222", "acknowledge"), "unknown_event"),
        (("judge", "alr_2222222222222222", "noise"), "unknown_alert"),
        (("release", "alr_2222222222222222"), "unknown_alert"),
        (("remove_rule", "rul_2222222222222222"), "unknown_rule"),
        (("recover", "end_2222222222222222", "--since", "2026-01-01"), "unknown_endpoint"),
        (("send_test_event", "end_2222222222222222"), "unknown_endpoint"),
        (("change_endpoint", "end_2222222222222222", "--enable"), "unknown_endpoint"),
        (("remove_endpoint", "end_2222222222222222"), "unknown_endpoint"),
        (("rotate_secret", "end_2222222222222222"), "unknown_endpoint"),
        (("add_rule", "--payer", "Nobody"), "unknown_payer"),
        (("add_rule", "--recipient", "nobody@example.com"), "unknown_member"),
        (("add_rule", "--quiet", "7", "7"), "quiet_hours_unusable"),
        (("add_rule", "--quiet", "7", "30"), "rule_term_outside"),
        (("add_rule", "--daily-at", "24"), "rule_term_outside"),
        (("add_rule", "--cool-down-hours", "-5"), "rule_term_outside"),
        (("add_rule", "--cpt-group", "Imagign"), "unknown_cpt_group"),
        (("add_rule", "--level", "payer", "--cpt-group", "imaging"), "level_contradicted"),
        (("add_endpoint", "http://localhost/"), "endpoint_not_https"),
        (("add_endpoint", "https://127.0.0.1/"), "endpoint_not_public"),
    ],
)
def test_what_cannot_be_is_refused_and_on_the_record(arguments: tuple[str, ...], code: str):
    customer = make.customer()
    refused = make.answer(*arguments)
    assert refused.error["code"] == code
    assert refused.error["fix"]
    with acting_in(customer):
        entry = Entry.objects.order_by("position").last()
    assert (entry.outcome, code in entry.detail) == ("refused", True)


def test_a_test_event_is_sent_and_what_failed_is_recovered(monkeypatch: pytest.MonkeyPatch):
    make.customer()
    endpoint = done("add_endpoint", URL, "--name", "[bold]System", "--type", "endpoint.test")["id"]
    assert "[bold]System" in make.words("endpoints")
    sent: list[str] = []

    def post(url: str, body: bytes, headers: dict[str, str]) -> sending.Answer:
        sent.append(headers["webhook-id"])
        return sending.Answer(status=410 if len(sent) == 1 else 204)

    monkeypatch.setattr(webhook, "post", post)
    assert "nothing was sent there yet" in make.words("endpoints")
    answered = done("send_test_event", endpoint)
    message = answered.pop("message")
    assert answered == {"arrived": False, "status": 410, "failure": None}
    assert done("endpoints")[0]["state"] == "disabled"
    assert "it answered that it is gone" in make.words("endpoints")
    assert make.answer("recover", endpoint, "--since", "2026-01-01").error["code"] == "endpoint_disabled"
    assert sent == [message]
    assert done("change_endpoint", endpoint, "--enable")["state"] == "enabled"
    assert done("recover", endpoint, "--since", "2026-01-01") == {"messages": 1}
    assert sent == [message, message]
    assert "Arrived, answered 204" in make.words("send_test_event", endpoint)
    assert done("change_endpoint", endpoint, "--disable", "--name", "off")["state"] == "disabled"
    assert done("remove_endpoint", endpoint) == {"removed": endpoint}
    assert done("endpoints") == []


def test_whoever_asks_is_told_that_nothing_arrives_and_why(practice: Customer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhook, "post", lambda *_given: sending.Answer(None, "name_not_found"))
    endpoint = done("add_endpoint", URL)["id"]
    done("add_rule", "--measure", "denial_rate", "--endpoint", endpoint)
    done("detect")
    (alert,) = done("alerts")
    assert (alert["state"], alert["messages"]) == ("sent", {"waiting": 1})
    assert "arrived at 0 of 1 (1 waiting)" in make.words("alerts")
    (standing,) = done("endpoints")
    assert (standing["was_tried"], standing["last_failure"], standing["last_status"]) == (True, "name_not_found", None)
    assert standing["next_attempt_at"]
    words = make.words("endpoints")
    assert "name_not_found. The host's name leads to no address. Next try 20" in words
    assert "Not arrived: msg_" in make.words("send_test_event", endpoint, "--wait", "0")


def test_what_has_arrived_is_said_of_an_alert(practice: Customer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webhook, "post", lambda *_given: sending.Answer(204))
    done("add_endpoint", URL)
    done("add_rule", "--measure", "denial_rate")
    done("detect")
    assert "arrived at 1 of 1" in make.words("alerts")
    assert "[dim]" not in make.words("endpoints")
    assert done("endpoints")[0]["last_failure"] is None


@pytest.mark.postgresql
def test_who_waits_for_something_to_be_sent_is_told_that_no_worker_runs(
    practice: Customer, monkeypatch: pytest.MonkeyPatch
):
    endpoint = done("add_endpoint", URL)["id"]
    monkeypatch.setattr(enqueue, "put", lambda *_given, **_named: None)
    monkeypatch.setattr(queue, "state", lambda: queue.State(None, 0, {}, 0))
    for words in (make.words("send_test_event", endpoint, "--wait", "0"), make.words("alerts"), make.words("detect")):
        assert "No worker runs, so that nothing goes out." in words


def test_a_wait_that_is_no_number_is_a_mistake_in_what_was_typed():
    make.customer()
    with pytest.raises(CommandError, match="write a number of seconds, such as 10"):
        make.answer("send_test_event", "end_2222222222222222", "--wait", "soon")
