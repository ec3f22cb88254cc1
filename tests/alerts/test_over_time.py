"""Alerts through all that may happen, in any order: none is lost, none is told twice, none comes at the wrong time.

Events open, change, end, come back and are taken back; people triage them; rules and receivers come, change and go;
hours pass. After each step of the product all that it promises is looked at anew, by other means than its own.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from django.db.models import Max
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from payerwatch.alerts.actions import bring_up_to_date, release_alert
from payerwatch.alerts.feedback import call_noise, give_verdict
from payerwatch.alerts.models import SERIES, Alert, Rule
from payerwatch.alerts.rules import change_rule, remove_rule
from payerwatch.audit.models import Chain
from payerwatch.claims.models import Upload
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.triage import EventOver, Until, acknowledge_event, close_event, snooze_event
from payerwatch.members.models import Member
from payerwatch.tenancy.context import acting_in
from tests.alerts import making
from tests.alerts.making import MONDAY, Clock, becomes, is_quiet
from tests.make import ACTOR, customer

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
HISTORIES = 400 if FULL else 4
STEPS = 60 if FULL else 40
DOUBLED_FROM = 1_000_00
OF_ALERTS = ("alert.raised", "alert.escalated", "alert.digest")
CERTAINTIES = ("watch", "likely", "very_likely")
_NUMBERS = count(1)

names = st.sampled_from(["Aetna", "Cigna", "Humana"])
groups = st.sampled_from(["", "", "imaging"])
measures = st.sampled_from(["denial_rate", "denial_rate", "days_to_decision"])
amounts = st.sampled_from([None, 0, 900_00, 2_000_00, 5_000_00, 12_000_00, 25_000_00, 80_000_00])
certainties = st.sampled_from(CERTAINTIES)
quiet = st.sampled_from([(None, None), (None, None), (22, 6), (9, 17), (12, 13)])
Opening = tuple[str, str, str, int | None, str]
opening = st.tuples(names, groups, measures, amounts, certainties)
terms = st.fixed_dictionaries({
    "measure": st.sampled_from(["", "", "denial_rate"]),
    "level": st.sampled_from(["", "", "payer", "cpt_group"]),
    "certainty": st.sampled_from(["watch", "watch", "likely"]),
    "least_amount": st.sampled_from([0, 0, 0, 4_000_00]),
    "cadence": st.sampled_from(["instant", "daily"]),
    "digest_hour": st.sampled_from([7, 13, 23]),
    "cool_down_hours": st.sampled_from([0, 24, 100]),
})  # fmt: skip
seldom = st.sampled_from([False, False, True])
whom = st.sampled_from(["subscribers", "named", "people", "both"])


class History(RuleBasedStateMachine):
    """One customer's."""

    events = Bundle("events")
    rules = Bundle("rules")

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.clock = Clock()
        self.patch.setattr(timezone, "now", self.clock)
        self.customer = customer(f"Practice {next(_NUMBERS)}")
        self.told: set[tuple[str, str]] = set()
        self.mails: dict[str, list[str]] = {}
        self.asleep = False
        with self.practice():
            self.people = [making.member().public_id for _ in range(2)]
            some = making.endpoint(event_types=["alert.raised", "alert.digest"])
            self.systems = [making.endpoint().public_id, some.public_id]

    def teardown(self) -> None:
        self.patch.undo()

    @contextmanager
    def practice(self) -> Iterator[None]:
        with acting_in(self.customer):
            yield

    @initialize(target=rules, terms=st.lists(st.tuples(terms, quiet, whom), min_size=2, max_size=3))
    def there_are_rules(self, terms: list[tuple[dict[str, Any], tuple[Any, Any], str]]) -> Any:
        return multiple(*(self.a_rule_of(*each) for each in terms))

    @invariant()
    def the_product_steps(self) -> None:
        """After everything that happens, unless nobody looks for a while."""
        if not self.asleep:
            self.alerts_are_brought_up_to_date()

    @rule(asleep=st.sampled_from([True, False, False]))
    def nobody_looks_for_a_while(self, asleep: bool) -> None:
        self.asleep = asleep

    # What becomes of events

    @initialize(target=events, several=st.lists(opening, min_size=4, max_size=8))
    def some_are_open(self, several: list[Opening]) -> Any:
        return self.all_opened(several)

    @rule(target=events, several=st.lists(opening, min_size=2, max_size=5))
    def some_open(self, several: list[Opening]) -> Any:
        return self.all_opened(several)

    def all_opened(self, several: list[Opening]) -> Any:
        with self.practice():
            opened = [self.opened(*each) for each in several]
        return multiple(*(each for each in opened if each is not None))

    def opened(self, name: str, group: str, measure: str, amount: int | None, certainty: str) -> int | None:
        payer = making.payer(name)
        own = DriftEvent.objects.filter(payer=payer, measure=measure, cpt_group=group, direction="worse")
        if own.filter(status="open").exists():
            return None
        last = own.aggregate(last=Max("episode"))["last"] or 0
        parent = DriftEvent.objects.filter(payer=payer, measure=measure, cpt_group="", status="open").first()
        return making.event(
            payer, group, amount=amount, measure=measure, certainty=certainty, episode=last + 1,
            returned_from=own.filter(episode=last).first(), parent=parent if group else None,
        ).pk  # fmt: skip

    @rule(event=events, amount=amounts, certainty=certainties)
    def is_judged_again(self, event: int, amount: int | None, certainty: str) -> None:
        with self.practice():
            for what in DriftEvent.objects.filter(pk=event, status="open"):
                higher = max(what.certainty, certainty, key=CERTAINTIES.index)
                becomes(what, amount_at_risk=amount, certainty=higher)

    @rule(event=events)
    def has_doubled(self, event: int) -> None:
        with self.practice():
            for what in DriftEvent.objects.filter(pk=event, status="open"):
                becomes(what, amount_at_risk=2 * max(what.amount_at_risk or 0, DOUBLED_FROM))

    @rule(event=events, really=seldom)
    def is_over(self, event: int, really: bool) -> None:
        with self.practice():
            if really:
                DriftEvent.objects.filter(pk=event).update(status="closed", closed_week=MONDAY)

    @rule(event=events, really=seldom)
    def is_taken_back(self, event: int, really: bool) -> None:
        with self.practice():
            for what in DriftEvent.objects.filter(pk=event) if really else ():
                what.children.update(parent=None)
                what.delete()

    @rule(stalled=st.booleans())
    def the_feed_is_judged(self, stalled: bool) -> None:
        with self.practice():
            making.judged(stalled=stalled, at=self.clock.now)

    @rule()
    def a_file_is_loaded(self) -> None:
        with self.practice():
            Upload.objects.create(filename="claims.csv", size_bytes=1, digest=f"{next(_NUMBERS):064}")

    # What people do

    @rule(event=events, what=st.sampled_from(["acknowledge", "noise", "close", "worse", "upload", "date"]))
    def is_triaged(self, event: int, what: str) -> None:
        with self.practice():
            for found in DriftEvent.objects.filter(pk=event):
                try:
                    self.triaged(found, what)
                except EventOver:
                    assert found.status == "closed"

    def triaged(self, event: DriftEvent, what: str) -> None:
        days = {"day": (self.clock.now + timedelta(days=2)).date()} if what == "date" else {}
        ways: dict[str, Callable[[], Any]] = {
            "acknowledge": lambda: acknowledge_event(event, actor=ACTOR),
            "noise": lambda: call_noise(event, "expected", actor=ACTOR),
            "close": lambda: close_event(event, "accepted", actor=ACTOR),
        }
        ways.get(what, lambda: snooze_event(event, Until(what, **days), actor=ACTOR))()

    @rule(kind=st.sampled_from(["real", "noise"]))
    def an_alert_is_judged(self, kind: str) -> None:
        with self.practice():
            sent = Alert.objects.filter(state="sent", verdicts=None).first()
            if sent is not None:
                give_verdict(sent, kind, actor=ACTOR)

    @rule()
    def an_alert_is_released(self) -> None:
        with self.practice():
            held = Alert.objects.filter(state="held").first()
            if held is not None:
                self.note_mails([release_alert(held, actor=ACTOR)])
                self.told = set(self.receipts())

    @rule(target=rules, terms=terms, quiet=quiet, whom=whom)
    def a_rule_is_added(self, terms: dict[str, Any], quiet: tuple[Any, Any], whom: str) -> Any:
        with self.practice():
            few = Rule.objects.filter(removed_at=None).count() <= 3
        return self.a_rule_of(terms, quiet, whom) if few else multiple()

    def a_rule_of(self, terms: dict[str, Any], quiet: tuple[Any, Any], whom: str) -> int:
        with self.practice():
            hours = dict(zip(("quiet_from", "quiet_until"), quiet, strict=True))
            return int(making.rule(**terms, **hours, **self.receivers(whom)).pk)

    def receivers(self, whom: str) -> dict[str, Any]:
        people = {"recipients": self.people} if whom in ("people", "both") else {}
        return people | ({"endpoints": self.systems[:1]} if whom in ("named", "both") else {})

    @rule(number=rules, terms=terms, quiet=quiet, whom=whom, enabled=st.sampled_from([True, True, True, False]))
    def a_rule_is_changed(
        self, number: int, terms: dict[str, Any], quiet: tuple[Any, Any], whom: str, enabled: bool
    ) -> None:
        with self.practice():
            hours = dict(zip(("quiet_from", "quiet_until"), quiet, strict=True))
            changed = terms | hours | {"recipients": [], "endpoints": []} | self.receivers(whom)
            change_rule(Rule.objects.get(pk=number), changed | {"enabled": enabled}, actor=ACTOR)

    @rule(number=rules, really=seldom)
    def a_rule_is_removed(self, number: int, really: bool) -> None:
        with self.practice():
            if really:
                remove_rule(Rule.objects.get(pk=number), actor=ACTOR)

    @rule(which=st.integers(0, 1), state=st.sampled_from(["active", "suspended"]))
    def somebody_comes_or_goes(self, which: int, state: str) -> None:
        with self.practice():
            Member.objects.filter(public_id=self.people[which]).update(state=state)

    @rule(which=st.integers(0, 1), because=st.sampled_from(["", "by_hand", "failing"]))
    def an_endpoint_is_disabled_or_enabled(self, which: int, because: str) -> None:
        with self.practice():
            state = "disabled" if because else "enabled"
            Endpoint.objects.filter(public_id=self.systems[which]).update(state=state, disabled_because=because)

    # What passes, and what the product does

    @rule(hours=st.sampled_from([1, 2, 5, 9, 24, 50, 30 * 24]))
    def hours_pass(self, hours: int) -> None:
        self.clock.move(hours=hours)

    def alerts_are_brought_up_to_date(self) -> None:
        with self.practice():
            before = {alert.pk: alert.state for alert in Alert.objects.all()}
            bring_up_to_date()
            sent = [each for each in Alert.objects.filter(state="sent") if before.get(each.pk) != "sent"]
            self.note_mails(sent)
            self.each_was_told_to_whom_its_rule_tells(sent)
            self.nothing_came_at_the_wrong_time(sent)
            self.none_is_lost()
            self.none_is_told_of_twice()
            self.again_does_nothing()

    def note_mails(self, sent: list[Alert]) -> None:
        """Which alerts a mail tells of, as its body is for people: those of its rule that were sent with it."""
        for message in of_alerts():
            if message.endpoint is None and message.public_id not in self.mails:
                told = json.loads(message.body)
                about = [each for each in sent if message.about in (each.public_id, each.rule.public_id)]
                assert told["title"].startswith(f"{len(about)} changes") or told["sentence"] == about[0].sentence
                self.mails[message.public_id] = [each.public_id for each in about]

    def receipts(self) -> list[tuple[str, str]]:
        """Each alert that each receiver was told of, as often as it was."""
        found = []
        for message in of_alerts():
            if message.endpoint is None:
                found += [(each, message.recipient or "") for each in self.mails[message.public_id]]
            else:
                data = json.loads(message.body)["data"]
                found += [(each, message.endpoint.public_id) for each in data.get("alerts") or [data["alert"]]]
        return found

    def each_was_told_to_whom_its_rule_tells(self, sent: list[Alert]) -> None:
        now = set(self.receipts())
        expected = {(alert.public_id, to) for alert in sent for to in receivers_by_hand(alert)}
        assert now - self.told == expected
        assert all(any(told == alert.public_id for told, _ in expected) for alert in sent)
        self.told = now
        assert max(Counter(self.receipts()).values(), default=0) <= 1

    def nothing_came_at_the_wrong_time(self, sent: list[Alert]) -> None:
        for alert in sent:
            assert not is_quiet(alert.rule, self.clock.now)
            assert alert.event is not None
            assert (alert.event.status, alert.event.triage in ("new", "acknowledged")) == ("open", True)
        instant = [each for each in sent if each.rule.cadence == "instant"]
        for alert in instant:
            rest = timedelta(hours=alert.rule.cool_down_hours)
            same = Alert.objects.filter(
                rule=alert.rule, payer=alert.payer, cpt_group=alert.cpt_group, state="sent",
                settled_at__gt=self.clock.now - rest,
            )  # fmt: skip
            assert not rest or list(same) == [alert]

    def none_is_lost(self) -> None:
        for rule_, event in told_by_hand():
            same = {name: getattr(event, name) for name in SERIES}
            states = set(Alert.objects.filter(rule=rule_, **same).values_list("state", flat=True))
            assert states & {"waiting", "held", "sent"}, (states, event)
            assert set(Alert.objects.filter(rule=rule_, **same).values_list("event", flat=True)) == {event.pk}
        for alert in Alert.objects.exclude(state="sent"):
            assert alert.because or alert.state == "waiting"
        for alert in Alert.objects.filter(state="waiting").select_related("event"):
            assert alert.event is not None
            due = alert.waits_for == "time" and alert.due_at is not None and alert.due_at > self.clock.now
            snoozed = alert.waits_for == "snooze" and alert.event.triage == "snoozed"
            assert due or snoozed or (alert.waits_for == "feed" and alert.measure == "days_to_decision")
            assert (alert.amount_at_risk, alert.certainty) == (alert.event.amount_at_risk, alert.event.certainty)

    def none_is_told_of_twice(self) -> None:
        """One more only where the amount has doubled since the one before."""
        by_series: dict[tuple, list[Alert]] = {}
        for alert in Alert.objects.exclude(state="cancelled").order_by("escalation"):
            by_series.setdefault((alert.rule_id, *(getattr(alert, name) for name in SERIES)), []).append(alert)
        for alerts in by_series.values():
            assert [each.escalation for each in alerts] == list(range(len(alerts)))
            for earlier, later in pairwise(alerts):
                if later.state != "waiting":
                    assert (later.amount_at_risk or 0) >= 2 * max(earlier.amount_at_risk or 0, DOUBLED_FROM)

    def again_does_nothing(self) -> None:
        length = Chain.objects.get().length
        kept = list(Alert.objects.order_by("pk").values())
        bring_up_to_date()
        assert list(Alert.objects.order_by("pk").values()) == kept
        assert set(self.receipts()) == self.told
        assert Chain.objects.get().length == length


def of_alerts() -> Iterator[Message]:
    """What was told, but for what is told of alerts that are held."""
    return iter(Message.objects.filter(type__in=OF_ALERTS).select_related("endpoint").order_by("pk"))


def receivers_by_hand(alert: Alert) -> set[str]:
    people = {each.public_id for each in Member.objects.all() if each.state == "active"} & set(alert.rule.recipients)
    daily = alert.rule.cadence == "daily"
    event_type = "alert.digest" if daily else "alert.escalated" if alert.escalation else "alert.raised"
    systems = Endpoint.objects.exclude(disabled_because="by_hand")
    if alert.rule.endpoints:
        return people | {each.public_id for each in systems if each.public_id in alert.rule.endpoints}
    return people | {each.public_id for each in systems if event_type in (each.event_types or [event_type])}


def told_by_hand() -> list[tuple[Rule, DriftEvent]]:
    """Every rule with every open event that it has to tell of."""
    found = []
    for rule_ in Rule.objects.filter(enabled=True, removed_at=None):
        events = [each for each in DriftEvent.objects.filter(status="open") if fits(rule_, each)]
        parents = {each.pk for each in events}
        found += [
            (rule_, each) for each in events if each.parent_id not in parents and each.triage not in ("noise", "closed")
        ]
    return found


def fits(rule_: Rule, event: DriftEvent) -> bool:
    level = "cpt_group" if event.cpt_group else "payer"
    enough = not rule_.least_amount or (event.amount_at_risk or 0) >= rule_.least_amount
    sure = CERTAINTIES.index(event.certainty) >= CERTAINTIES.index(rule_.certainty)
    return enough and sure and rule_.measure in ("", event.measure) and rule_.level in ("", level)


def test_whatever_happens_each_alert_is_told_once_in_its_time_or_says_why_not() -> None:
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],  # to make a history shorter takes longer than to read it
        ),
    )
