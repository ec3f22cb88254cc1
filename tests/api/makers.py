"""One of each thing the API shows, made for one practice; a new kind of thing needs one maker here.

What a practice's `word` stands in (names, addresses, numbers, reasons) is how a leak of it is recognised.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from payerwatch.alerts.models import SERIES, Alert, Rule, Verdict
from payerwatch.audit.actors import Actor
from payerwatch.audit.models import Chain
from payerwatch.audit.record import Thing, record
from payerwatch.claims import batch_names
from payerwatch.claims.arrivals import Asked, begin
from payerwatch.claims.models import Claim, CptGroupMapping, Payer, PayerMapping, ReplacedClaim, Upload, UploadSlice
from payerwatch.claims.slices import keep
from payerwatch.deliveries.models import Attempt, Endpoint, Message
from payerwatch.deliveries.secrets import URL, sealed
from payerwatch.drift.models import DriftEvent, DriftRun, RunoffCell
from payerwatch.members.keys import issue_key
from payerwatch.members.models import Invitation, Member, Person, PersonCustomer, Session
from payerwatch.members.secrets import Origin, digest, new_secret
from payerwatch.members.sessions import start_session
from payerwatch.reports.building import Built, build
from payerwatch.reports.models import Report
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR

MONDAY = date(2026, 1, 5)
_NUMBERS = count(1)
_CODES = count(1)  # of five digits
_REVISIONS = count(1)  # of one practice far fewer than can be told apart


@dataclass
class Practice:
    """One customer, and its people by role."""

    customer: Customer
    word: str
    people: dict[str, Person] = field(default_factory=dict)
    figures: dict[str, Built] = field(default_factory=dict)
    """What stands in reports, by the one name that everything has: counting takes longer than all else."""
    _name: str = ""

    def built(self) -> Built:
        if self._name not in self.figures:
            self.figures[self._name] = build(MONDAY.replace(day=1), date.today())
        return self.figures[self._name]

    def name(self) -> str:
        """A name nobody else has, with the practice's word in it."""
        return self._name or f"{self.word} {next(_NUMBERS):04}"

    @contextmanager
    def one_name(self) -> Iterator[str]:
        """Within the block every name is this one."""
        self._name = self.name()
        try:
            yield self._name
        finally:
            self._name = ""

    def email(self) -> str:
        return f"{self.name().replace(' ', '.')}@example.com".lower()


def person(practice: Practice, **columns: Any) -> Person:
    return Person.objects.create(email=practice.email(), name=practice.name(), **columns)


def join(practice: Practice, who: Person, role: str) -> Member:
    PersonCustomer.objects.create(person=who, customer=practice.customer)
    with acting_in(practice.customer):
        return Member.objects.create(person=who, role=role)


def member(practice: Practice) -> str:
    return join(practice, person(practice), "viewer").public_id


def invitation(practice: Practice) -> str:
    with acting_in(practice.customer):
        until = timezone.now() + timedelta(days=5)
        made = Invitation.objects.create(
            email=practice.email(), role="viewer", digest=digest(new_secret()), expires_at=until
        )
    return made.public_id


def key(practice: Practice) -> str:
    return issue_key(practice.customer, name=practice.name(), scopes=["claims.read"], actor=ACTOR).key.public_id


def session(practice: Practice) -> str:
    who = practice.people["analyst"]
    kept, _ = start_session(
        who,
        practice.customer,
        kind=Session.Kind.BROWSER,
        origin=Origin("192.0.2.7", agent=practice.name()),
        with_second_factor=False,
    )
    return kept.public_id


def upload(practice: Practice) -> str:
    with acting_in(practice.customer):
        return _upload(practice).public_id


def _upload(practice: Practice) -> Upload:
    dropped = [f"{practice.word} patient"]
    made = Upload.objects.create(
        filename=f"{practice.name()}.csv",
        digest=new_secret(),
        size_bytes=10,
        header_signature="",
        dropped_columns=dropped,
    )
    keep(made, UploadSlice.Kind.SET_ASIDE, 0, f"{practice.name()}\r\n".encode())
    return made


def batch(practice: Practice) -> str:
    """A batch that a program has sent, under a name, and that was loaded."""
    with acting_in(practice.customer):
        made = _upload(practice)
        Upload.objects.filter(pk=made.pk).update(source=Upload.Source.INGEST, form=Upload.Form.NDJSON)
        batch_names.keep(practice.name(), made, practice.name().encode())
    return made.public_id


def half_sent(practice: Practice) -> str:
    """A file of which the first slice is still to come."""
    with acting_in(practice.customer):
        return begin(4, Asked(f"{practice.name()}.csv")).public_id


def code(practice: Practice) -> str:
    """In the place of a code, which files give as they like."""
    return f"{practice.word[0].upper()}0001"


def claim(practice: Practice) -> str:
    """A claim whose number, payer, spelling, group and file all bear the word; with an earlier state of it."""
    with acting_in(practice.customer):
        name = practice.name()
        payer = Payer.objects.create(name=name, name_key=name.lower())
        spelling = PayerMapping.objects.create(raw_name=f"{name} raw", raw_key=f"{name} raw".lower(), payer=payer)
        state = {
            "payer_mapping": spelling,
            "payer": payer,
            "upload": _upload(practice),
            "claim_key": name,
            "submitted_date": MONDAY,
            "cpt": code(practice),
            "denial_code": code(practice),
            "cpt_group": f"{practice.word}_group",
            "billed_amount": 12_050,
            "outcome": "denied",
            "status": "denied",
            "denial_reason": name,
            "first_outcome": "denied",
        }
        made = Claim.objects.create(**state)
        ReplacedClaim.objects.create(**state, claim=made, replaced_by=_upload(practice))
    return f"clm_{made.pk}"


def drift_event(practice: Practice) -> str:
    """An event of a payer of its own, with its run and the cells it was counted from."""
    with acting_in(practice.customer):
        name = practice.name()
        payer = Payer.objects.create(name=name, name_key=name.lower())
        RunoffCell.objects.create(
            payer=payer, cpt_group=name, submit_week=MONDAY, lag_weeks=1, outcome="denied",
            claims=3, billed_amount=3, allowed_amount=3, paid_amount=0, lag_days=9,
        )  # fmt: skip
        _run(practice)
        made = DriftEvent.objects.create(
            measure="denial_rate", payer=payer, cpt_group=f"{practice.word}_group", direction="worse", tier="alert",
            certainty="very_likely", first_week=MONDAY, alert_week=MONDAY, as_of_week=MONDAY,
            window={"kind": "decided", "weeks": 4, "first_week": "2025-12-15", "last_week": "2026-01-05"},
            observed=30, expected=10.0, effect=0.2, p_value=1e-6, q_value=1e-4, claims=100, amount_at_risk=120_000,
            history=[{"week": "2026-01-05", "tier": "alert", "certainty": "very_likely"}],
        )  # fmt: skip
    return made.public_id


def payer(practice: Practice) -> str:
    """A payer with cells."""
    with acting_in(practice.customer):
        return _counted_payer(practice).public_id


def _counted_payer(practice: Practice) -> Payer:
    name = practice.name()
    made = Payer.objects.create(name=name, name_key=name.lower())
    RunoffCell.objects.create(
        payer=made, cpt_group=f"{practice.word}_group", submit_week=MONDAY, lag_weeks=1, outcome="denied",
        claims=3, billed_amount=3, allowed_amount=3, paid_amount=0, lag_days=9,
    )  # fmt: skip
    return made


def payer_mapping(practice: Practice) -> str:
    with acting_in(practice.customer):
        name = practice.name()
        return PayerMapping.objects.create(
            raw_name=name, raw_key=name.replace(" ", "").lower(), payer=_counted_payer(practice)
        ).public_id


def cpt_group_mapping(practice: Practice) -> str:
    with acting_in(practice.customer):
        number = f"{next(_CODES):05}"
        return CptGroupMapping.objects.create(code_from=number, code_to=number, cpt_group=practice.name()).public_id


def drift_run(practice: Practice) -> str:
    """A run in force, whose summary names the practice."""
    with acting_in(practice.customer):
        return _run(practice, carried_at=timezone.now(), summary=_summary(practice.name())).public_id


def _run(practice: Practice, **columns: Any) -> DriftRun:
    return DriftRun.objects.create(
        as_of_week=MONDAY, data_version=new_secret(), series_checked=1, tests=1,
        pending_known=True, data_feed_stalled=False, nodes=[practice.name()], **columns,
    )  # fmt: skip


def _summary(name: str) -> dict[str, Any]:
    rate = {"decided": 3, "denied": 3, "denial_rate": 1.0}
    kind = {"tier": "alert", "direction": "worse", "measure": "denial_rate", "amount_at_risk": 120_000}
    event = {
        **kind, "id": "evt_2222222222222222", "sentence": name, "payer": name, "cpt_group": name,
        "certainty": "likely", "first_week": MONDAY.isoformat(),
    }  # fmt: skip
    return {
        "loaded_until": MONDAY.isoformat(), "uploads": {"loaded": 0, "undone": 0}, "false_discovery_rate": 0.1,
        "very_likely_rate": 0.01, "open_events": [{**kind, "events": 1}], "top_events": [event],
        "payers": [{"payer": name, "submitted": 3, **rate, "baseline": rate}], "payers_left_out": 0,
    }  # fmt: skip


def entry(practice: Practice) -> str:
    """The newest of the practice's entries."""
    with acting_in(practice.customer):
        request_id = f"req_{practice.word}"
        actor = Actor("person", "", practice.name(), practice.word, "192.0.2.7", request_id)
        record("read", Thing("claim", practice.name()), actor=actor, after={"reason": practice.name()})
        return f"ent_{Chain.objects.get().length}"


def customer(practice: Practice) -> str:
    return practice.customer.public_id


def endpoint(practice: Practice) -> str:
    with acting_in(practice.customer):
        return _endpoint(practice).public_id


def _endpoint(practice: Practice) -> Endpoint:
    name = practice.name()
    address = sealed(f"https://hooks.example.com/{name.replace(' ', '-')}", URL)
    return Endpoint.objects.create(channel="webhook", sealed_url=address, name=name)


def message(practice: Practice) -> str:
    """A message to an endpoint, tried once."""
    with acting_in(practice.customer):
        made = Message.objects.create(
            endpoint=_endpoint(practice), type="endpoint.test", about="", body=practice.name(), state="failed"
        )
        Attempt.objects.create(
            message=made, number=1, started_at=timezone.now(), status=500, milliseconds=3, excerpt=practice.name()
        )
    return made.public_id


def rule(practice: Practice) -> str:
    """A rule about a payer and a group of its own, which tells a member and an endpoint."""
    with acting_in(practice.customer):
        return _rule(practice, _counted_payer(practice)).public_id


def _rule(practice: Practice, about_payer: Payer) -> Rule:
    to = {"recipients": [_viewer(practice).public_id], "endpoints": [_endpoint(practice).public_id]}
    return Rule.objects.create(name=practice.name(), payer=about_payer, cpt_group=f"{practice.word}_group", **to)


def _viewer(practice: Practice) -> Member:
    who = person(practice)
    PersonCustomer.objects.create(person=who, customer=practice.customer)
    return Member.objects.create(person=who, role="viewer")


def alert(practice: Practice) -> str:
    """An alert that is held, with a verdict on it, both of which say the word."""
    public_id = drift_event(practice)
    with acting_in(practice.customer):
        event = DriftEvent.objects.select_related("payer").get(public_id=public_id)
        about = {name: getattr(event, name) for name in SERIES} | {"event": event}
        made = Alert.objects.create(
            **about, rule=_rule(practice, event.payer), state="held", because="noise_verdicts", certainty="likely",
            amount_at_risk=120_000, sentence=practice.name(),
        )  # fmt: skip
        Verdict.objects.create(**about, alert=made, kind="noise", note=practice.name())
    return made.public_id


def report(practice: Practice) -> str:
    """A report that is built, of a month in which a payer of the practice has cells."""
    with acting_in(practice.customer):
        _counted_payer(practice)
        built = practice.built()
        made = Report.objects.create(
            month=MONDAY.replace(day=1), revision=next(_REVISIONS) % 30_000, state="built", document=built.document,
            data_version=built.data_version, built_at=timezone.now(),
        )  # fmt: skip
    return made.public_id


Maker = Callable[[Practice], str]
# By the view's `thing`: makes one more in the practice and gives the id by which it is asked for.
MAKERS: dict[str, Maker] = {
    "alert": alert,
    "claim": claim,
    "cpt_group_mapping": cpt_group_mapping,
    "customer": customer,
    "drift_event": drift_event,
    "drift_run": drift_run,
    "endpoint": endpoint,
    "entry": entry,
    "invitation": invitation,
    "key": key,
    "member": member,
    "message": message,
    "payer": payer,
    "payer_mapping": payer_mapping,
    "report": report,
    "rule": rule,
    "session": session,
    "half_sent_upload": half_sent,
    "batch": batch,
    "upload": upload,
}
_MISSING = {
    "claim": "clm_999999999",
    "cpt_group_mapping": "grp_999999999",
    "entry": "ent_999999999",
    "payer": "pyr_999999999",
    "payer_mapping": "map_999999999",
}
_PREFIXES = {
    "alert": "alr",
    "customer": "cus",
    "drift_event": "evt",
    "drift_run": "run",
    "endpoint": "end",
    "invitation": "inv",
    "key": "key",
    "member": "mbr",
    "message": "msg",
    "report": "rep",
    "rule": "rul",
    "session": "ses",
}


def missing(thing: str) -> str:
    """An id as the thing has them, of none that exists."""
    return _MISSING.get(thing) or new_public_id(_PREFIXES.get(thing, "upl"))


def foreign(thing: str, own: Practice, other: Practice) -> str:
    """An id of the other practice's thing that, read as one's own, names nothing.

    Entries are known by their place in a chain, which every chain has: there the other's chain is made longer,
    and stays so while a few requests are recorded.
    """
    made = MAKERS[thing](other)
    while thing == "entry" and _length(own) + 40 >= _length(other):
        made = entry(other)
    return made


def _length(practice: Practice) -> int:
    with acting_in(practice.customer):
        return int(Chain.objects.get().length)


def one_of_each(practice: Practice) -> None:
    for make in MAKERS.values():
        make(practice)
