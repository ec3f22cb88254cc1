"""What people ask of a server, many things at once and each under a trace; and where the trace is found again."""

import itertools
import json
import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.journeys.receiving import Received
from tests.journeys.serving import Answer, Served
from tests.journeys.test_uploads_over_http import form
from tests.make import HEADERS, Row, row

API = "/api/v1"
FIRST_DAY = date(2025, 3, 3)
"""From which on each run is of a day of its own, and each client's reports are of a month of its own."""
COME_LATER = (429, 503)
"""Too much waits, or SQLite writes: whoever asks does so again."""


class Causes(NamedTuple):
    """What a request must leave behind: the jobs that are done, by step; its own entry and those of its jobs, by verb
    and kind of thing; and whether a message leaves.
    """

    steps: frozenset[str]
    entry: tuple[str, str]
    later: tuple[tuple[str, str], ...] = ()
    tells: bool = False


CAUSES = {
    "upload": Causes(frozenset({"load_received", "judge_loaded"}), ("receive", "upload"), (("load", "upload"),)),
    "run": Causes(frozenset({"judge_asked"}), ("request", "drift_run"), (("detect", "drift_run"),)),
    "report": Causes(frozenset({"build_asked"}), ("request", "report"), (("build", "report"),)),
    "issue": Causes(frozenset(), ("issue", "report"), tells=True),
    "event": Causes(frozenset(), ("test", "endpoint"), tells=True),
}


class Asked(NamedTuple):
    """One request: the trace it came with, if it did; and the public id of what it made."""

    kind: str
    request_id: str
    trace: str
    thing: str


@dataclass
class Asking:
    """Several people of one customer, each with a receiver of test events of their own."""

    served: Served
    key: dict[str, str]
    endpoints: list[str]
    done: list[Asked] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def act(self, client: int, kinds: Iterable[str]) -> None:
        """One after the other, none waiting for what the one before has caused."""
        is_issued = False
        for kind in kinds:
            if kind == "upload":
                self.upload([row(number=f"T{next(self.numbers)}-{nth}") for nth in range(3)])
            elif kind == "event":
                self.ask("event", f"endpoints/{self.endpoints[client]}/test/", {})
            elif kind == "run":
                self.ask("run", "drift-runs/", {"as_of": str(FIRST_DAY + timedelta(days=next(self.numbers)))})
            else:
                self._issue_a_report(f"{FIRST_DAY.year}-{FIRST_DAY.month + client:02}", revise=is_issued)
                is_issued = True

    def upload(self, rows: Iterable[Row], **headers: str) -> Asked:
        table = [",".join(HEADERS.values()), *(",".join(each[name] for name in HEADERS) for each in rows)]
        body, typed = form("\n".join(table).encode(), date_order="ymd")
        return self.ask("upload", "uploads/", body, **typed, **headers)

    def ask(self, kind: str, path: str, body: Any, **headers: str) -> Asked:
        """Under a trace, an id, both or neither, unless the headers say which; again where it is to come later."""
        with self.lock:
            number = next(self.numbers)
        given = headers if "traceparent" in headers else headers | _named(number)
        while (answer := self.served.ask("POST", f"{API}/{path}", body, self.key | given)).status in COME_LATER:
            time.sleep(0.05)
        assert answer.status in (200, 201, 202), answer
        trace = given.get("traceparent", "--").split("-")[1]
        asked = Asked(kind, str(answer.header("X-Request-ID")), trace, str(answer.document["id"]))
        self.done.append(asked)
        return asked

    def _issue_a_report(self, month: str, *, revise: bool) -> None:
        report = self.ask("report", "reports/", {"month": month, "revise": revise}).thing
        deadline = time.monotonic() + 300
        while (found := self._read(f"reports/{report}/")).document.get("state") != "built":
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        self.ask("issue", f"reports/{report}/issue/", {})

    def _read(self, path: str) -> Answer:
        return self.served.ask("GET", f"{API}/{path}", headers=self.key)


def _named(number: int) -> dict[str, str]:
    given = {"traceparent": f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"} if number % 2 else {}
    return given | ({"X-Request-ID": f"action-{number:06d}"} if number % 3 == 0 else {})


class Found:
    """Everything in which a trace can stand, as it is now."""

    def __init__(self, served: Served, system: Received) -> None:
        self.traces: dict[str, str] = {}
        """Of requests that were answered well, by request id."""
        self.jobs: dict[str, set[str]] = defaultdict(set)
        """By trace, the steps that were done: all but what is done for nobody, again and again."""
        self.sent: dict[str, str] = {}
        """By message, the trace in which it was sent."""
        text = served.log.read_text()
        for line in map(json.loads, text[: text.rfind("\n")].splitlines()[1:]):
            if line["message"] == "answered" and line["status"] < 300:
                self.traces[line["request_id"]] = line["trace_id"]
            elif line["message"] == "done" and " " not in line["step"]:
                self.jobs[line["trace_id"]].add(line["step"].rpartition(".")[2])
            elif line["message"] == "sent":
                self.sent[line["thing"]] = line["trace_id"]
        self.arrived = {line["id"]: line for line in system.lines()}
        self.entries = served.installation.everything()["audit_entry"]

    def entries_of(self, trace: str) -> set[tuple[str, str, str]]:
        """Verb, kind of thing, and its id, of all that says that it belongs to the trace."""
        own = (each for each in self.entries if trace == each["request_id"] or f'"trace":"{trace}"' in each["detail"])
        return {(each["verb"], each["thing_kind"], each["thing_id"]) for each in own}

    def messages_of(self, asked: Asked) -> list[str]:
        """By id."""
        if asked.kind == "event":
            return [asked.thing]
        bodies = ((name, json.loads(line["body"])) for name, line in self.arrived.items())
        return [name for name, body in bodies if body["data"].get("report") == asked.thing]

    def missing(self, asked: Asked) -> list[str]:
        """What the request has caused, or should have, in which its trace does not stand."""
        trace, causes = self.traces.get(asked.request_id, ""), CAUSES[asked.kind]
        if not trace or asked.trace not in ("", trace):
            return [f"{asked}: the request's line"]
        wrong = [f"{asked}: the line of {step}" for step in causes.steps - self.jobs[trace]]
        entries = {entry[:2] for entry in self.entries_of(trace)} if asked.kind == "event" else set()
        entries |= {entry[:2] for entry in self.entries_of(trace) if entry[2] == asked.thing}
        wrong += [f"{asked}: the entry {entry}" for entry in {causes.entry, *causes.later} - entries]
        messages = self.messages_of(asked) if causes.tells else []
        if causes.tells and len(messages) != 1:
            wrong.append(f"{asked}: its one message")
        for name in messages:
            header = self.arrived[name]["headers"]["traceparent"] if name in self.arrived else "--"
            if {trace} != {self.sent.get(name), header.split("-")[1]}:
                wrong.append(f"{asked}: the message {name}")
        return wrong

    def strangers(self, asked: Iterable[Asked]) -> list[str]:
        """Jobs, entries of jobs and messages whose trace is that of none of these."""
        known = {self.traces[each.request_id] for each in asked}
        jobs = [f"{steps}" for trace, steps in self.jobs.items() if trace not in known]
        entries = [
            f"{each}" for each in self.entries if each["actor_kind"] == "job" and each["request_id"] not in known
        ]
        return jobs + entries + [name for name, trace in self.sent.items() if trace not in known]
