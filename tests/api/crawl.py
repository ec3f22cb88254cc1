"""The crawl: everyone who acts in one practice asks every route for what another practice has.

For each route, method, caller and place of an id (address, query, body, cursor) another practice's value is
sent, and then one that nobody has. Both answers must be the same to the byte, with nothing of the other
practice in them, and none of its rows may have changed.
"""

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any
from urllib.parse import parse_qs, urlsplit

from payerwatch.web.api.once import takes_key
from tests.api.asking import Asker, Request
from tests.api.fixtures import BODIES, QUERIES, Fields, Id, Known, Natural, filled
from tests.api.footprint import canaries, footprint
from tests.api.makers import foreign, missing, one_of_each
from tests.api.role_table import may_reach
from tests.api.routes import Endpoint, endpoints
from tests.api.world import CALLERS, Answer, Headers, World, as_person, newcomer

# Who sees more than one customer by their place: its id and name are no news to them, all else of it is.
KNOW_OTHERS = frozenset({"operator inside", "operator outside", "member of both"})
FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
KEY_POSITION = "header Idempotency-Key"
ROWS = "rows"  # the position of a finding that is no answer's
# For them alone every odd value is tried: what a value is worth does not depend on who sends it.
THOROUGH = frozenset({"owner", "key"})
# Ids that nothing could have; `%00` is the character that PostgreSQL refuses.
IMPOSSIBLE = (
    "0",
    "none",
    "upl_",
    "%00",
    "a%00b",
    "%F0%9F%A6%98",
    "ent_99999999999999999999",
    "clm_-1",
    "x" * 80,
    "%C3%28",
)

# What differs from one request to the next by itself; and how to ask for a part that does not.
# What the health document tells is the installation's, not a customer's, and of the moment.
NEVER_THE_SAME = frozenset({"SignIn.prepare", "AuditEntries.export", "Health.show"})
STEADY = {"AuditEntries.list": {"verb": "issue"}}


@dataclass(frozen=True)
class Finding:
    """What another practice's value gave away: where, to whom and how."""

    endpoint: str
    position: str
    caller: str
    what: str

    def __str__(self) -> str:
        return f"{self.endpoint}, {self.position}, {self.caller}: {self.what}"


@dataclass(frozen=True)
class Probe:
    """Two requests that must be answered alike: with another practice's value, and with nobody's."""

    position: str
    theirs: Request
    nobodys: Request
    refused_with: frozenset[int] = frozenset()
    """How whoever may ask at all is refused; empty where the answer may be a success."""
    sent: tuple[str, ...] = ()
    """What of the other practice the caller knew already."""


def _known_to(caller: str, endpoint: Endpoint, probe: Probe) -> bool:
    """Whether the caller may know of the other customer by their place."""
    by_address = probe.position == "path" and endpoint.view.thing == "customer"
    return caller in KNOW_OTHERS and (by_address or probe.position.endswith(" customer"))


class Crawl(Asker):
    """`run` gives the findings."""

    def __init__(self, world: World, callers: Iterable[str] = CALLERS, only: Container[str] | None = None) -> None:
        """Of every route and method, or only of those so named."""
        super().__init__(world)
        self.callers = list(callers)
        self.endpoints = [each for each in endpoints() if only is None or each.name in only]
        self._odd = cycle(IMPOSSIBLE)
        self._canaries = canaries(world.other)

    def run(self) -> list[Finding]:
        with self.forms_watched():
            found = [
                finding
                for endpoint in self.endpoints
                for caller in self._who_asks(endpoint)
                for look in (self._probed, self._swept)
                for finding in look(endpoint, caller)
            ]
        return [*found, *self._noticed_growth(), *self._unknown_fields()]

    def _who_asks(self, endpoint: Endpoint) -> list[str]:
        """HEAD is answered by what answers GET, so it needs no more than a few."""
        return [each for each in self.callers if each in THOROUGH or endpoint.method != "HEAD"]

    # What is sent

    def _probes(self, endpoint: Endpoint, caller: str) -> Iterator[Probe]:
        if endpoint.parameters:
            yield from self._in_the_path(endpoint, self._odd_ids() if caller in THOROUGH else ())
        yield from self._in_fields(endpoint, "query", QUERIES.get(endpoint.key, {}) if endpoint.method == "GET" else {})
        if endpoint.method not in {"GET", "HEAD"}:
            yield from self._in_fields(endpoint, "body", BODIES.get(endpoint.key, {}))
        if endpoint.in_pages:
            yield self._in_the_cursor(endpoint)

    def _in_the_path(self, endpoint: Endpoint, odd_ids: Iterable[str]) -> Iterator[Probe]:
        thing, body = endpoint.thing, self.body(endpoint)
        theirs = foreign(thing, self.world.own, self.world.other)
        nobodys = Request(endpoint.path(public_id=missing(thing)), body=body)
        yield Probe("path", Request(endpoint.path(public_id=theirs), body=body), nobodys, frozenset({404}), (theirs,))
        for odd in odd_ids:
            impossible = replace(nobodys, path=endpoint.path(public_id=odd))
            yield Probe(f"path {odd[:12]}", impossible, nobodys, frozenset({404}))

    def _odd_ids(self) -> Iterable[str]:
        """All of them in the full proof, else a few in turn."""
        return IMPOSSIBLE if FULL else [next(self._odd) for _ in range(2)]

    def _in_fields(self, endpoint: Endpoint, place: str, fields: Fields) -> Iterator[Probe]:
        for name, spec in fields.items():
            if isinstance(spec, Id):
                theirs, nobodys, refused = (
                    foreign(spec.thing, self.world.own, self.world.other),
                    missing(spec.thing),
                    {404},
                )
            elif isinstance(spec, Known):
                theirs, nobodys, refused = spec.of(self.world.other), spec.unknown, set()
            else:
                continue
            with_ = dict(spec.with_) if isinstance(spec, Known) else {}
            requests = [self._with(endpoint, place, {**with_, name: value}) for value in (theirs, nobodys)]
            yield Probe(f"{place} {name}", *requests, frozenset(refused), (str(theirs),))

    def _with(self, endpoint: Endpoint, place: str, values: Mapping[str, Any]) -> Request:
        if place == "query":
            return Request(self.own_path(endpoint), query=values)
        return Request(self.own_path(endpoint), body={**(self.body(endpoint) or {}), **values})

    def _in_the_cursor(self, endpoint: Endpoint) -> Probe:
        path = theirs = self.own_path(endpoint)
        if endpoint.parameters:
            theirs = endpoint.path(public_id=foreign(endpoint.view.thing, self.world.own, self.world.other))
        owner = as_person(self.world.other.people["owner"], self.world.other.customer)
        first = self.ask(endpoint, owner, Request(theirs, {"page_size": "1"})).document
        link = first["next"] or first["previous"] or f"{path}?cursor=one-page-only"
        cursor = parse_qs(urlsplit(link).query)["cursor"][0]
        requests = [Request(path, {"cursor": text, "page_size": "2"}) for text in (cursor, "WyJub3RoaW5nIl0:x:y")]
        return Probe("cursor", *requests, frozenset({400}))

    # What is found

    def _probed(self, endpoint: Endpoint, caller: str) -> Iterator[Finding]:
        probes = [probe for probe in self._probes(endpoint, caller) if not _known_to(caller, endpoint, probe)]
        headers, before = self.world.headers(caller), footprint(self.world.other)
        answers: dict[str, Answer] = {}
        for probe in probes:
            for what in self._compared(endpoint, caller, headers, probe, answers):
                yield Finding(endpoint.name, probe.position, caller, what)
        if footprint(self.world.other) != before:
            yield Finding(endpoint.name, ROWS, caller, "another's rows changed")

    def _compared(
        self, endpoint: Endpoint, caller: str, headers: Headers, probe: Probe, answers: dict[str, Answer]
    ) -> Iterator[str]:
        """What is wrong with the answers; `answers` are those for nobody's values so far."""
        theirs = self.ask(endpoint, headers, probe.theirs)
        nobodys = answers.get(repr(probe.nobodys)) or self.ask(endpoint, headers, probe.nobodys)
        answers[repr(probe.nobodys)] = nobodys
        if theirs != nobodys:
            yield f"{theirs.status} for another's and {nobodys.status} for nobody's are told apart"
        if theirs.status >= 500:
            yield f"it failed with {theirs.status}"
        reached = may_reach(endpoint.key, caller)
        if reached and probe.refused_with and theirs.status not in probe.refused_with:
            yield f"another's is answered with {theirs.status}"
        yield from self._shown(theirs, probe.sent)

    def _shown(self, answer: Answer, known: tuple[str, ...] = ()) -> Iterator[str]:
        text = answer.text.lower()
        for each in known:
            text = text.replace(each.lower(), "")
        shown = sorted(each for each in self._canaries if each in text)
        if shown:
            yield f"the answer holds {shown[:3]}"

    def _swept(self, endpoint: Endpoint, caller: str) -> Iterator[Finding]:
        """The ordinary requests of everyone, after someone of the other practice asked for the same."""
        ordinary = list(self._ordinary(endpoint, caller))
        if endpoint.method == "GET" and not endpoint.parameters and caller in THOROUGH:
            neighbour = as_person(self.world.other.people["owner"], self.world.other.customer)
            for _, request, _ in ordinary:
                self.ask(endpoint, neighbour, request)
        credentials = [self.world.headers(caller) for _ in ordinary]
        before, usual = footprint(self.world.other), 0
        for (position, request, known), headers in zip(ordinary, credentials, strict=True):
            answer = self.ask(endpoint, headers, request)
            if answer.status >= 500:
                yield Finding(endpoint.name, position, caller, f"it failed with {answer.status}")
            usual = usual or answer.status
            if ("Idempotency-Replayed", "true") in answer.headers:
                yield Finding(endpoint.name, position, caller, "another's answer is given again")
            if position.startswith(("body ", "header ")) and answer.status != usual:
                yield Finding(endpoint.name, position, caller, f"{answer.status} for what another has, else {usual}")
            for what in self._shown(answer, known):
                yield Finding(endpoint.name, position, caller, what)
        if footprint(self.world.other) != before:
            yield Finding(endpoint.name, ROWS, caller, "another's rows changed")

    def _ordinary(self, endpoint: Endpoint, caller: str) -> Iterator[tuple[str, Request, tuple[str, ...]]]:
        known = (self.world.other.customer.public_id, self.world.other.customer.name) if caller in KNOW_OTHERS else ()
        plain = self.plain(endpoint)
        yield "as usual", plain, known
        if takes_key(endpoint.view, endpoint.method) and caller != "operator outside":
            yield KEY_POSITION, self._under_anothers_key(endpoint), known
        for name, spec in BODIES.get(endpoint.key, {}).items():
            if isinstance(spec, Natural) and plain.body is not None:
                theirs = spec.taken(self.world.other)
                yield f"body {name}", replace(plain, body={**plain.body, name: theirs}), (*known, theirs)
        if endpoint.method != "GET" or caller not in THOROUGH:
            return
        for name, value in filled(QUERIES.get(endpoint.key, {}), self.world).items():
            yield f"query {name}", replace(plain, query={name: value}), known
        for name in (
            "page_size",
            "cursor",
            "count",
            "fields",
            "order",
            "search",
            "offset",
            *QUERIES.get(endpoint.key, {}),
        ):
            yield f"query {name} unusable", replace(plain, query={name: "\x00?*"}), known
        if endpoint.in_pages:
            yield "query page_size", replace(plain, query={"page_size": "200"}), known

    def _under_anothers_key(self, endpoint: Endpoint) -> Request:
        """What somebody of the other practice has just sent, under the same key."""
        key = {"Idempotency-Key": f"one-for-all-{self.asked}"}
        request = replace(self.plain(endpoint), headers=key)
        neighbour = as_person(newcomer(self.world.other, "owner"), self.world.other.customer)
        self.ask(endpoint, neighbour, request)
        return request

    def _noticed_growth(self) -> Iterator[Finding]:
        """Whatever the other practice adds, the same question has the same answer."""
        for caller in sorted(THOROUGH.intersection(self.callers)):
            headers = self.world.headers(caller)
            asked = [
                (each, Request(self.own_path(each), STEADY.get(each.key, {})))
                for each in self.endpoints
                if each.method == "GET" and each.key not in NEVER_THE_SAME
            ]
            before = [self.ask(endpoint, headers, request) for endpoint, request in asked]
            one_of_each(self.world.other)
            newcomer(self.world.other, "viewer")
            for (endpoint, request), answer in zip(asked, before, strict=True):
                if self.ask(endpoint, headers, request) != answer:
                    yield Finding(endpoint.name, "while the other grows", caller, "the answer changed")

    def _unknown_fields(self) -> Iterator[Finding]:
        for key, seen in self.fields.items():
            known = {**BODIES.get(key, {}), **QUERIES.get(key, {})}
            for name in sorted(seen - set(known)):
                yield Finding(key, f"field {name}", "", "there is no fixture for it")
