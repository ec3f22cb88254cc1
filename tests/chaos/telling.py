"""What is due by a clock, in an installation whose clocks are off: a message that did not arrive at first, a digest
that is told daily, and a night; as summer time ends where the customer is.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from payerwatch.deliveries.retries import JITTER, SCHEDULE
from tests.chaos.own_server import wait_for
from tests.chaos.place import FULL, Place
from tests.chaos.zone import NAME, Zone
from tests.journeys.conftest import Installation
from tests.journeys.denying import PAYER, denied_much_more
from tests.journeys.receiving import Received, receiver
from tests.journeys.serving import add_member, bearer, tokens_of

ALLOWED = {"PAYERWATCH_ALLOW_PRIVATE_ENDPOINTS": "yes"}
SOON, LONGER = timedelta(seconds=15), 6
"""From when the product is started until a day comes to its hour: by then the alert must be raised. And how many times
what the product takes to begin is added, as whatever has to be done until then takes longer where that does.
"""
GOES_BACK_AFTER, BY = timedelta(seconds=2), timedelta(seconds=8)
"""The clocks go back a little after the hour, and come to it again."""
HOUR = 2
"""In which the digest is told, and the night begins."""
LOOK = 3.0
"""Seconds after which at most a worker looks for what was put off."""
LATE = LOOK + (2 if FULL else 57)
MOST_JOBS = 10
"""Of a kind, in a moment: each of these has something to do, or looks for what is put off once."""
_JOBS = "SELECT 1 FROM procrastinate_jobs WHERE task_name = ANY(%s)"
_LOOK_FOR_NIGHTS = "nights that have begun"
_NIGHTLY = (_LOOK_FOR_NIGHTS, "payerwatch.judging.nights.judge_night")
_LOOK_NOW = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
SELECT 'payerwatch', name, name, name, '{"customer": 0, "id": ""}' FROM unnest(%s::text[]) AS name
ON CONFLICT DO NOTHING
"""


@dataclass
class Moment:
    """What is awaited of one."""

    event: str
    """The message that is refused at first."""
    rule: str
    at: datetime
    """When the customer's day comes to the hour of the rule's digest and of the night."""
    day: date
    nights: int
    """That were judged before."""


@dataclass
class Telling:
    place: Place
    commands: Installation
    zone: Zone
    refusing: Received
    """Answers 500 to each message at first."""
    taking: Received
    endpoints: dict[str, str] = field(default_factory=dict)
    moment: Moment | None = None

    @property
    def told(self) -> dict[str, str]:
        return ALLOWED | self.zone.told

    def prepare(self) -> None:
        """While nothing is served: a message and an alert wait, and soon the customer's day comes to its hour."""
        event = self.commands.ask("send_test_event", self.endpoints["refusing"], "--wait", "0")["message"]
        rule = self._rule()
        self.commands.ask("detect")
        at = datetime.now(UTC) + SOON + LONGER * timedelta(seconds=self.place.begins_within)
        at = at.replace(microsecond=0)
        day = self.zone.comes_to(HOUR, at, goes_back_at=at + GOES_BACK_AFTER, by=BY)
        self._ask("UPDATE tenancy_customer SET judged_night = %s", [day - timedelta(days=1)])
        self.moment = Moment(event, rule, at, day, self._nights_judged())

    def comes_as_it_should(self) -> None:
        assert self.moment is not None
        at = self.moment.at
        self._night_is_judged(False)
        self._is_due_at(self.moment.rule, at)
        self._arrives_once_it_is_tried_again(self.moment.event)
        _sleep_until(at)
        self._night_is_judged(True)
        _sleep_until(at + GOES_BACK_AFTER)
        later = self._rule()
        self.commands.ask("detect")
        self._night_is_judged(True)
        self._is_due_at(later, at + timedelta(days=1) + BY)
        self._digest_arrives(self.moment)
        _sleep_until(at + BY + timedelta(seconds=LOOK))
        self._night_is_judged(True)
        told = [len(self._told_by(each)) for each in (self.moment.rule, later)]
        assert told == [1, 0], told
        self._nothing_is_done_again_and_again()

    def arrived_once(self) -> None:
        """All of all moments, and signed at a time that is the receiver's too."""
        kept = self._ask("SELECT public_id, state FROM deliveries_message")
        lines = [*self.refusing.lines(), *self.taking.lines()]
        taken = Counter(each["id"] for each in lines if each["status"] == 204)
        unsigned = [each["headers"] for each in lines if not each["verified"]]
        assert not unsigned, unsigned
        assert {state for _, state in kept} == {"delivered"}, kept
        assert taken == dict.fromkeys([each for each, _ in kept], 1), (taken, kept)

    def _arrives_once_it_is_tried_again(self, event: str) -> None:
        pause = SCHEDULE[1].total_seconds()
        first, again = self._wait_for(lambda: len(found := self._tries(event)) > 1 and found, LATE + pause + LATE)
        paused = again["at"] - first["at"]
        assert (first["status"], again["status"]) == (500, 204), (first, again)
        assert pause <= paused < pause * (1 + JITTER) + LATE, paused

    def _digest_arrives(self, moment: Moment) -> None:
        came = self._wait_for(lambda: self._told_by(moment.rule), LATE + BY.total_seconds())
        [(at, count)] = [(each["at"], json.loads(each["body"])["data"]["count"]) for each in came]
        assert count == 1, came
        assert 0 <= at - moment.at.timestamp() < LATE, (at, moment)

    def _is_due_at(self, rule: str, at: datetime) -> None:
        """The rule's alert, once it is raised: at the latest before the day comes to its hour."""
        due = "SELECT due_at FROM alerts_alert JOIN alerts_rule AS rule ON rule.id = rule_id WHERE rule.public_id = %s"
        found = self._wait_for(lambda: self._ask(due, [rule]), SOON.total_seconds() + LATE)
        assert found == [(at,)], (found, datetime.now(UTC))

    def _night_is_judged(self, is_so: bool) -> None:
        """Found by a look for nights now, as at the beginning of each hour; and no more than once."""
        assert self.moment is not None
        self._ask(_LOOK_NOW, [[_LOOK_FOR_NIGHTS]])
        self._wait_for(lambda: not self._ask(_JOBS, [list(_NIGHTLY)]), LATE)
        [(night,)] = self._ask("SELECT judged_night FROM tenancy_customer")
        judged, wanted = self._nights_judged() - self.moment.nights, self.moment.day - timedelta(days=not is_so)
        assert (night, judged) == (wanted, is_so), (night, judged, self.moment, datetime.now(UTC))

    def _nights_judged(self) -> int:
        [(number,)] = self._ask("SELECT count(*) FROM audit_entry WHERE verb = 'detect' AND actor_name = 'nightly'")
        return int(number)

    def _nothing_is_done_again_and_again(self) -> None:
        done = self._done()
        assert 0 < done["deliver"] <= MOST_JOBS, done
        assert 0 < done["send_due"] <= MOST_JOBS, done

    def _done(self) -> Counter[str]:
        """How many jobs were since the product was started last, by step; the last line may be written just now."""
        text = self.place.served.log.read_text()
        lines = map(json.loads, text[: text.rfind("\n")].splitlines()[1:])
        return Counter(each["step"].rpartition(".")[2] for each in lines if each["message"] == "done")

    def _rule(self) -> str:
        about = ("--measure", "denial_rate", "--level", "payer", "--payer", PAYER)
        told = ("--endpoint", self.endpoints["taking"], "--daily-at", HOUR)
        return str(self.commands.ask("add_rule", *about, *told)["id"])

    def _tries(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.refusing.lines() if each["id"] == event]

    def _told_by(self, rule: str) -> list[dict[str, Any]]:
        return [each for each in self.taking.lines() if json.loads(each["body"])["data"]["rule"] == rule]

    def _wait_for(self, what: Callable[[], Any], seconds: float) -> Any:
        return wait_for(what, seconds=seconds, told=lambda: (self.moment, self._done()))

    def _ask(self, statement: str, given: Any = None) -> list[Any]:
        return self.place.server.ask(statement, given, database=self.place.database)


@contextmanager
def telling(place: Place, folder: Path) -> Iterator[Telling]:
    """With a customer in New York, of whom a payer has begun to deny much more."""
    commands = replace(place.installation, environment=place.installation.environment | ALLOWED)
    with receiver(folder / "refusing") as refusing, receiver(folder / "taking") as taking:
        refusing.behaves(status_at_first=500)
        found = Telling(place, commands, Zone(folder / "zones"), refusing, taking)
        for name, system, kind in (("refusing", refusing, "endpoint.test"), ("taking", taking, "alert.digest")):
            made = commands.ask("add_endpoint", system.url, "--type", kind)
            system.knows(made["secret"])
            found.endpoints[name] = made["id"]
        add_member(place.installation, "ada@example.com")
        key = bearer(tokens_of(place.served, "ada@example.com")["access"]) | {"If-Match": "*"}
        assert place.served.ask("PATCH", "/api/v1/settings/", {"time_zone": NAME}, key).status == 200
        place.clients.bring_rows("denied much more", list(denied_much_more()))
        place.settled()
        yield found


def _sleep_until(at: datetime) -> None:
    time.sleep(max((at - datetime.now(UTC)).total_seconds(), 0))
