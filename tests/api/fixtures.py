"""What the crawl sends to each action, and what of it names a thing of a customer.

A new route, method, query filter or body field without an entry here is found by `missing_fixtures` or, where only
running it shows a form's fields, by the crawl itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT
from django_filters import filters

from payerwatch.members.models import Session
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import start_session
from payerwatch.members.tokens import issue_tokens
from tests.api.makers import MAKERS, Practice, code
from tests.api.routes import Endpoint
from tests.api.world import PASSWORD, World, newcomer


@dataclass(frozen=True)
class Id:
    """The id of a thing: another customer's gives the answer of one that does not exist."""

    thing: str


@dataclass(frozen=True)
class Known:
    """What a thing of a customer is known by: of another customer it is as unknown as of nobody."""

    of: Callable[[Practice], Any]
    unknown: Any
    with_: Mapping[str, Any] = field(default_factory=dict)
    """What is sent beside a value that is not one's own."""


@dataclass(frozen=True)
class Natural:
    """A value that must be unlike all others of one customer, and which another customer may have as well."""

    taken: Callable[[Practice], Any]
    """One that something of the practice has."""
    free: Callable[[Practice], Any]


@dataclass(frozen=True)
class Made:
    """A value made anew for each request."""

    by: Callable[[World], Any]


Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Sent:
    """What an action is sent that takes no JSON: the headers, and bytes or (None) the fields as a form with files."""

    content_type: str = ""
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _newcomers_email(practice: Practice) -> str:
    return newcomer(practice, "viewer").email


def _tokens(world: World) -> Any:
    session, secret = start_session(
        newcomer(world.own, "viewer"), None, kind=Session.Kind.PROGRAM, origin=Origin(), with_second_factor=False
    )
    return issue_tokens(session, secret)


def _name_of_one(practice: Practice, thing: str) -> str:
    """The name which one more thing of the practice was made under."""
    with practice.one_name() as name:
        MAKERS[thing](practice)
    return name


def _group(practice: Practice) -> str:
    """What the makers name every CPT group of the practice."""
    return f"{practice.word}_group"


def _invited_email(practice: Practice) -> str:
    with practice.one_name():
        MAKERS["invitation"](practice)
        return practice.email()


_WRONG = {"password": "not the password of anybody", "customer": None}
_CREDENTIALS: Fields = {
    "email": Known(_newcomers_email, "nobody@example.com", _WRONG),
    "password": PASSWORD,
    "code": "",
    "customer": Id("customer"),
}
_NO_LINK = "no-such-secret"

_NOTED: Fields = {"note": "asked the payer"}
_TERMS: Fields = {
    "name": "a rule",
    "measure": "denial_rate",
    "direction": "worse",
    "level": "payer",
    "certainty": "likely",
    "least_amount": 1000,
    "payer": Known(lambda practice: _name_of_one(practice, "payer"), "unheard"),
    "cpt_group": "",
    "recipients": Known(lambda practice: [MAKERS["member"](practice)], ["mbr_2222222222222222"]),
    "endpoints": Known(lambda practice: [MAKERS["endpoint"](practice)], ["end_2222222222222222"]),
    "cadence": "daily",
    "digest_hour": 6,
    "quiet_from": 20,
    "quiet_until": 6,
    "cool_down_hours": 12,
    "enabled": True,
}
_ENDPOINT: Fields = {"url": "https://hooks.example.com/a", "name": "a system", "event_types": ["alert.raised"]}
_CODES = count(20_001)
# By view and action: every field that may be sent in the body.
BODIES: dict[str, Fields] = {
    "AcceptInvitation.accept": {
        "token": Known(
            lambda practice: f"{practice.customer.public_id}.{_NO_LINK}", f"cus_2222222222222222.{_NO_LINK}"
        ),
        "name": "Newcomer",
        "password": PASSWORD,
    },
    "ActingCustomer.enter": {"customer": Id("customer"), "reason": ""},
    "Alerts.feedback": {"verdict": "real", "reason": "policy_change", "recovered_amount": 10.5, "note": "paid"},
    "Alerts.release": {},
    "ApiKeys.create": {
        "name": Natural(lambda practice: _name_of_one(practice, "key"), Practice.name),
        "scopes": ["claims.read"],
        "expires_in_days": 30,
        "allowed_addresses": ["192.0.2.0/24"],
    },
    "ApiKeys.rotate": {"overlap_hours": 1},
    "CptGroupMappings.create": {
        "code_from": "20000",
        "code_to": Made(lambda _world: f"{next(_CODES):05}"),
        "cpt_group": "therapy",
    },
    "CptGroupMappings.partial_update": {"cpt_group": "rehab"},
    "DriftEvents.acknowledge": _NOTED,
    "DriftEvents.close": {**_NOTED, "reason": "accepted"},
    "DriftEvents.noise": {**_NOTED, "reason": "expected"},
    "DriftEvents.note": _NOTED,
    "DriftEvents.snooze": {**_NOTED, "until": "date", "date": "2099-01-01"},
    "DriftRuns.create": {"as_of": "2026-01-11"},
    "Endpoints.create": {**_ENDPOINT, "channel": "webhook"},
    "Endpoints.partial_update": {**_ENDPOINT, "enabled": True},
    "Endpoints.recover": {"since": "2001-01-01T00:00:00Z"},
    "Endpoints.rotate": {"overlap_hours": 1},
    "Endpoints.test": {},
    "IngestClaims.create": {},
    "IngestSecrets.rotate": {"overlap_hours": 0},
    "Invitations.create": {"email": Natural(_invited_email, Practice.email), "role": "viewer"},
    "Invitations.resend": {},
    "Members.partial_update": {"role": "analyst"},
    "Members.resume": {},
    "Members.suspend": {},
    "Messages.resend": {},
    "OwnPassword.change": {"current": PASSWORD, "new": "pears above eleven rivers"},
    "OwnSecondFactor.confirm": {"code": "000000"},
    "OwnSecondFactor.disable": {"code": "000000", "password": PASSWORD},
    "OwnSecondFactor.renew": {"code": "000000"},
    "OwnSecondFactor.start": {"password": PASSWORD},
    "PayerMappings.create": {
        "raw_name": Natural(lambda practice: _name_of_one(practice, "payer_mapping"), Practice.name),
        "payer": "A payer",
    },
    "PayerMappings.partial_update": {"payer": "Another payer"},
    "PasswordReset.ask": {"email": Known(_newcomers_email, "nobody@example.com")},
    "PasswordReset.confirm": {"token": _NO_LINK, "password": PASSWORD},
    "ResumableUploads.append": {},
    "ResumableUploads.begin": {"filename": "file.csv", "mapping": '{"payer": "Payer"}', "date_order": "mdy"},
    "Reports.create": {"month": "2026-01", "revise": False},
    "Reports.issue": {},
    "Rules.create": _TERMS,
    "Rules.partial_update": _TERMS,
    "Settings.change": {"second_factor_required": False, "time_zone": "America/Chicago"},
    "SignIn.open": _CREDENTIALS,
    "SignOut.close": {},
    "Token.open": _CREDENTIALS,
    "Token.refresh": {"refresh": Made(lambda world: _tokens(world).refresh)},
    "Uploads.create": {
        "file": Made(lambda _world: SimpleUploadedFile("file.csv", b"Payer,CPT\nAetna,99213\n")),
        "mapping": '{"payer": "Payer"}',
        "date_order": "mdy",
    },
    "Uploads.undo": {},
    "Token.verify": {"token": Made(lambda world: _tokens(world).access)},
}
_TUS = {"Tus-Resumable": "1.0.0"}
_TOLD = "filename ZmlsZS5jc3Y="  # file.csv
# By view and action: what is sent otherwise than as JSON.
SENT: dict[str, Sent] = {
    "Uploads.create": Sent(MULTIPART_CONTENT),
    "IngestClaims.create": Sent("application/x-ndjson", b'{"payer": "Aetna", "cpt": "99213"}\n'),
    "ResumableUploads.begin": Sent(headers={**_TUS, "Upload-Length": "4", "Upload-Metadata": _TOLD}),
    "ResumableUploads.progress": Sent(headers=_TUS),
    "ResumableUploads.append": Sent("application/offset+octet-stream", b"data", {**_TUS, "Upload-Offset": "0"}),
    "ResumableUploads.give_up": Sent(headers=_TUS),
}
_LONG_AGO, _FAR_AHEAD = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"
_SPAN = {"since": _LONG_AGO, "until": _FAR_AHEAD}
# By view and action: every filter that may be asked for.
QUERIES: dict[str, Fields] = {
    "Alerts.list": {
        "rule": Known(MAKERS["rule"], "rul_2222222222222222"),
        "drift_event": Known(MAKERS["drift_event"], "evt_2222222222222222"),
        "state": "held",
        "payer": Known(lambda practice: _name_of_one(practice, "alert"), "unheard"),
        "cpt_group": Known(_group, "unheard"),
        "measure": "denial_rate",
    },
    "Messages.list": {
        "endpoint": Known(MAKERS["endpoint"], "end_2222222222222222"),
        "state": "failed",
        "type": "endpoint.test",
        "about": Known(MAKERS["alert"], "alr_2222222222222222"),
        "since": _LONG_AGO,
    },
    "ActiveEvents.list": {"watch": "true"},
    "AuditEntries.export": {"format": "jsonl", **_SPAN},
    "AuditEntries.list": {
        "actor": Known(lambda practice: practice.people["owner"].public_id, "per_2222222222222222"),
        "actor_kind": "person",
        "role": Known(lambda practice: practice.word, "unheard"),
        "request_id": Known(lambda practice: f"req_{practice.word}", "unheard"),
        "verb": Known(lambda practice: practice.word, "unheard"),
        "thing_kind": Known(lambda practice: practice.word, "unheard"),
        "thing": Known(lambda practice: f"{practice.word} 0001", "unheard"),
        "outcome": "done",
        **_SPAN,
    },
    "Claims.list": {
        "claim_number": Known(lambda practice: _name_of_one(practice, "claim"), "unheard"),
        "payer": Known(lambda practice: _name_of_one(practice, "claim"), "unheard"),
        "cpt": Known(code, "99999"),
        "cpt_group": Known(_group, "unheard"),
        "outcome": "denied",
        "status": "denied",
        "denial_code": Known(code, "unheard"),
        "denial_category": "authorization",
        "submitted_from": "2001-01-01",
        "submitted_to": "2101-01-01",
        "decided_from": "2001-01-01",
        "decided_to": "2101-01-01",
        "upload": Id("upload"),
        "search": Known(lambda practice: _name_of_one(practice, "claim"), "unheard"),
    },
    "DriftEvents.list": {
        "payer": Known(lambda practice: _name_of_one(practice, "drift_event"), "unheard"),
        "cpt_group": Known(_group, "unheard"),
        "measure": "denial_rate",
        "direction": "worse",
        "tier": "alert",
        "certainty": "very_likely",
        "status": "open",
        "triage": "new",
        "first_week_from": "2001-01-01",
        "first_week_to": "2101-01-01",
        "search": Known(lambda practice: _name_of_one(practice, "drift_event"), "unheard"),
    },
    "DriftRuns.list": {"state": "done", "as_of_week": "2026-01-05"},
    "PayerMappings.list": {
        "payer": Known(lambda practice: _name_of_one(practice, "payer_mapping"), "unheard"),
        "search": Known(lambda practice: practice.word, "unheard"),
    },
    "PayerSummary.list": {
        "payer": Known(lambda practice: _name_of_one(practice, "payer"), "unheard"),
        "submitted_from": "2001-01-01",
        "submitted_to": "2101-01-01",
        "cpt_group": Known(lambda practice: f"{practice.word}_group", "unheard"),
    },
    "Payers.list": {"search": Known(lambda practice: practice.word, "unheard")},
    "Reports.list": {"state": "built", "month_from": "2001-01-01", "month_to": "2101-01-01"},
    "Uploads.list": {"state": "loaded", "loaded_from": _LONG_AGO, "loaded_to": _FAR_AHEAD},
}


def value(spec: Any, world: World) -> Any:
    """What a caller of the own practice sends in the ordinary way."""
    if isinstance(spec, Id):
        return MAKERS[spec.thing](world.own)
    if isinstance(spec, Known):
        return spec.of(world.own)
    if isinstance(spec, Natural):
        return spec.free(world.own)
    return spec.by(world) if isinstance(spec, Made) else spec


def filled(fields: Fields, world: World) -> dict[str, Any]:
    return {name: value(spec, world) for name, spec in fields.items()}


_CLOSED = (filters.ChoiceFilter, filters.DateFilter, filters.IsoDateTimeFilter, filters.BooleanFilter)


def missing_fixtures(endpoints: Iterable[Endpoint]) -> list[str]:
    """What the crawl would need to know of these and does not."""
    return [f"{each.name}: {what}" for each in endpoints for what in _missing(each)]


def _missing(endpoint: Endpoint) -> Iterable[str]:
    if endpoint.parameters not in ([], ["public_id"]):
        yield f"its address has parameters {endpoint.parameters}"
    if endpoint.parameters and endpoint.view.thing not in MAKERS:
        yield f"no maker of {endpoint.view.thing!r}"
    if endpoint.method in {"POST", "PATCH", "PUT"} and endpoint.key not in BODIES:
        yield "no body"
    known = QUERIES.get(endpoint.key, {})
    for name, used in endpoint.filters.items():
        if name not in known:
            yield f"no value for the filter {name!r}"
        elif not isinstance(used, _CLOSED) and not isinstance(known[name], Id | Known):
            yield f"the filter {name!r} takes anything, so it needs another customer's value"
