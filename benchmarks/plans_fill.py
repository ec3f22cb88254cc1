"""Customers of skewed size with everything that they have after two years, made inside the database.

The n-th customer has 1/n as many claims as the first. What the rows say does not matter as long as they differ as real
ones do: payers, codes and denials are skewed too, claims come week by week with all customers in turn, and every key
names a row that is there. Written as the server's administrator, so that keys are not checked, and without the
secondary indexes of claims, which are made after.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from django.db.models import BinaryField, DateField, DateTimeField, Field, Model
from plans_read import administrator
from psycopg import sql

from payerwatch.alerts.models import Alert, Rule, Verdict
from payerwatch.audit.actors import Actor
from payerwatch.audit.models import Chain, Entry
from payerwatch.claims.models import (
    BatchName,
    Claim,
    ClaimState,
    CptGroupMapping,
    Payer,
    PayerMapping,
    ReplacedClaim,
    Upload,
    UploadSlice,
)
from payerwatch.deliveries.models import Attempt, Endpoint, Message, SigningSecret
from payerwatch.deliveries.secrets import SECRET, URL, sealed
from payerwatch.deliveries.signing import new_secret
from payerwatch.drift.models import DriftEvent, DriftRun
from payerwatch.members.models import ApiKey, Invitation, KeptAnswer, Member, Person, PersonCustomer, Session
from payerwatch.pipeline import add_customer
from payerwatch.reports.models import Report
from payerwatch.tenancy.context import acting_in

ACTOR = Actor("command", name="benchmark")
PAYERS, SPELLINGS, CODES, GROUPS, EVENTS, PEOPLE = 40, 80, 400, 30, 300, 8
WAVES = 5
"""In so many parts each customer's claims come, the customers in turn."""
_FIRST_DAY, _DAYS = "date '2024-01-01'", 728
_SUMMARY = {
    "loaded_until": None, "uploads": {"loaded": 0, "undone": 0}, "false_discovery_rate": 0.1, "very_likely_rate": 0.01,
    "open_events": [], "top_events": [], "payers": [], "payers_left_out": 0,
}  # fmt: skip
_WINDOW = {"kind": "decided", "weeks": 4, "first_week": "2025-11-03", "last_week": "2025-11-24"}
_HISTORY = [{"week": "2025-11-24", "tier": "alert", "certainty": "likely", "amount_at_risk": 5000, "observed": 30}]


# Coarser than the product counts them: by four weeks together, and as if all were decided in the second week.
_CELLS = f"""
INSERT INTO drift_runoffcell (customer_id, payer_id, cpt_group, submit_week, lag_weeks, outcome, denial_category,
    claims, billed_amount, allowed_amount, paid_amount, lag_days)
SELECT customer_id, payer_id, cpt_group, {_FIRST_DAY} + (submitted_date - {_FIRST_DAY}) / 28 * 28,
    CASE WHEN outcome = 'pending' THEN -1 ELSE 2 END, outcome, coalesce(denial_category, ''), count(*),
    coalesce(sum(billed_amount), 0), sum(allowed_amount), sum(paid_amount), 14 * count(*)
FROM claims_claim GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


class Filled(NamedTuple):
    customer: int
    claims: int


def public_id(kind: str, number: int) -> str:
    """That of the n-th row of its kind."""
    return f"{kind}_{str(number).zfill(16).translate(str.maketrans('01', 'bc'))}"


def _id(kind: str, number: str = "n") -> str:
    return f"'{kind}_' || translate(lpad(({number})::text, 16, '0'), '01', 'bc')"


def fill(claims: int, customers: int) -> list[Filled]:
    """The customers, largest first."""
    whole = sum(1 / place for place in range(1, customers + 1))
    made = [
        Filled(add_customer(f"Customer {place}", actor=ACTOR).pk, max(int(claims / whole / place), 50))
        for place in range(1, customers + 1)
    ]
    with administrator() as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(
            "CREATE FUNCTION pg_temp.chance(n bigint, salt bigint) RETURNS double precision IMMUTABLE LANGUAGE sql "
            "AS 'SELECT (hashint8(n * 1009 + salt) & 1048575) / 1048576.0'"
        )
        firsts = {each.customer: _before_claims(_Rows(owner, each)) for each in made}
        with _without_indexes(owner, Claim):
            for wave in range(WAVES):
                for each in made:
                    _claims(_Rows(owner, each), firsts[each.customer], wave)
                print(f"part {wave + 1} of {WAVES} of the claims is stored", flush=True)
        for each in made:
            _after_claims(_Rows(owner, each), firsts[each.customer])
        owner.execute(_CELLS)
    told()
    return made


def told() -> None:
    """What autovacuum would do in time."""
    with psycopg.connect(os.environ["MIGRATOR_DATABASE_URL"], autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")


@contextmanager
def _without_indexes(owner: psycopg.Connection, model: type[Model]) -> Iterator[None]:
    found = owner.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = %s::regclass AND NOT indisunique",
        [model._meta.db_table],
    ).fetchall()
    for name, _ in found:
        owner.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in found:
        owner.execute(definition)


# Rows


class _Rows:
    """Rows of one customer."""

    def __init__(self, owner: psycopg.Connection, filled: Filled) -> None:
        self._owner = owner
        self.customer, self.claims = filled

    def add(self, model: type[Model], count: int, *, after: int = 0, source: str = "", **given: str) -> int:
        """So many rows, of n from `after` on, whose columns are these expressions, else what is usual; the first's id.

        `source` are further tables that the expressions speak of.
        """
        columns = self._columns(model, given)
        written = f"""
            WITH made AS (
                INSERT INTO {model._meta.db_table} ({", ".join(columns)})
                SELECT {", ".join(columns.values())} FROM generate_series({after + 1}, {after + count}) n {source}
                RETURNING id
            ) SELECT min(id) FROM made
        """
        found = self._owner.execute(written).fetchone()
        assert found is not None
        return int(found[0] or 0)

    def do(self, statement: str) -> None:
        self._owner.execute(statement)

    def _columns(self, model: type[Model], given: Mapping[str, str]) -> dict[str, str]:
        columns: dict[str, str] = {}
        for field in model._meta.concrete_fields:
            if field.attname in given:
                columns[f'"{field.column}"'] = given[field.attname]
            elif field.attname == "customer_id":
                columns[f'"{field.column}"'] = str(self.customer)
            elif not field.primary_key and not field.null:
                columns[f'"{field.column}"'] = _usual(field)
        return columns


def _usual(field: Field) -> str:
    """A column's value where it does not matter, as SQL."""
    if isinstance(field, DateTimeField):
        return "now()"
    if isinstance(field, DateField):
        return _FIRST_DAY
    if isinstance(field, BinaryField):
        return "decode(repeat('ab', 400), 'hex')"
    value = field.get_default() if field.has_default() else "" if field.get_internal_type() in _TEXTS else 0
    if isinstance(value, dict | list):
        return _json(value)
    return str(value) if isinstance(value, bool | int | float) else f"'{value}'"


_TEXTS = ("CharField", "TextField")


def _json(value: Any) -> str:
    return f"'{json.dumps(value)}'::jsonb"


def _skewed(count: int, salt: int) -> str:
    """A number below `count`, the lower the likelier."""
    return f"floor({count} * power(pg_temp.chance(n, {salt}), 2))::int"


# What a customer has


def _before_claims(rows: _Rows) -> Mapping[str, int]:
    payers = rows.add(Payer, PAYERS, name="'Payer ' || n", name_key="'payer' || n")
    spellings = rows.add(
        PayerMapping, SPELLINGS, raw_name="'Payer ' || n", raw_key="'payer' || n", payer_id=f"{payers} + (n - 1) / 2"
    )
    rows.add(CptGroupMapping, 5, code_from="'9900' || n", code_to="'9900' || n", cpt_group="'own_' || n")
    count = min(max(rows.claims // 2_000, 20), 700)
    loaded = f"now() - make_interval(days => {count} - n)"
    uploads = rows.add(
        Upload, count, public_id=_id("upl"), digest=_digest(1), filename="'claims ' || n || '.csv'", loaded_at=loaded,
        arrived_at=loaded, new_claims="1000", rows="1000", accepted="1000", header_signature=_digest(2),
        first_date=_FIRST_DAY, last_date=f"{_FIRST_DAY} + {_DAYS} * n / {count}",
    )  # fmt: skip
    rows.add(UploadSlice, count, upload_id=f"{uploads} + n - 1", kind="'set_aside'", key_id="'none'")
    rows.add(BatchName, min(count, 50), public_id=_id("upl"), digest=_digest(3), content=_digest(4))
    return {"payers": payers, "spellings": spellings, "uploads": uploads, "count": count}


def _digest(salt: int) -> str:
    return f"encode(sha256(('{salt} ' || n)::bytea), 'hex')"


def _claims(rows: _Rows, firsts: Mapping[str, int], wave: int) -> None:
    begin, end = (rows.claims * each // WAVES for each in (wave, wave + 1))
    spelling, denied = _skewed(SPELLINGS, 1), "pg_temp.chance(n, 4) < 0.12"
    submitted = f"{_FIRST_DAY} + (n * {_DAYS}::bigint / {rows.claims})::int"
    decided = f"{submitted} + 5 + floor(60 * power(pg_temp.chance(n, 5), 3))::int"
    outcome = f"CASE WHEN {decided} > {_FIRST_DAY} + {_DAYS} THEN 'pending' WHEN {denied} THEN 'denied' ELSE 'paid' END"
    drawn = (
        f"CROSS JOIN LATERAL (SELECT {spelling} AS spelling, {_skewed(CODES, 2)} AS code, {outcome} AS outcome, "
        f"{submitted} AS submitted, {decided} AS decided) drawn"
    )
    of_denied = "CASE WHEN outcome = 'denied' THEN {} END"
    category = of_denied.format("'authorization'")
    rows.add(
        Claim, end - begin, after=begin, source=drawn,
        payer_mapping_id=f"{firsts['spellings']} + spelling", payer_id=f"{firsts['payers']} + spelling / 2",
        upload_id=f"{firsts['uploads']} + n * {firsts['count']}::bigint / {rows.claims + 1}",
        claim_key="'C' || lpad(n::text, 9, '0')", submitted_date="submitted", service_date="submitted - 4",
        cpt="(99000 + code)::text", cpt_group=f"'group_' || code % {GROUPS}", outcome="outcome", status="outcome",
        billed_amount="CASE WHEN n % 20 > 0 THEN 5000 + floor(100000 * pg_temp.chance(n, 6))::bigint END",
        allowed_amount="4000", paid_amount="CASE WHEN outcome = 'paid' THEN 4000 ELSE 0 END",
        decided_date="CASE WHEN outcome <> 'pending' THEN decided END",
        denial_code=of_denied.format(f"({_skewed(30, 7)} + 1)::text"), denial_category=category,
        first_outcome="outcome", first_decided_date="CASE WHEN outcome <> 'pending' THEN decided END",
        first_denial_category=category,
    )  # fmt: skip


def _after_claims(rows: _Rows, firsts: Mapping[str, int]) -> None:
    _replaced(rows, firsts["uploads"])
    _people(rows)
    events = _judged(rows, firsts["payers"])
    _told(rows, firsts["payers"], events)
    rows.add(Report, 22, public_id=_id("rep"), state="'issued'", month=f"{_FIRST_DAY} - make_interval(months => n)")
    count = 2_000 + rows.claims // 100
    who = {"actor_kind": "'person'", "actor_id": _id("per", "n % 8"), "request_id": "'req_' || n", "verb": "'read'"}
    rows.add(
        Entry, count, position=f"n + (SELECT length FROM audit_chain WHERE customer_id = {rows.customer})", **who,
        at=f"now() - make_interval(mins => {count} - n)", thing_kind="'claim'", thing_id="'clm_' || n",
        outcome="'done'",
    )  # fmt: skip
    rows.do(f"UPDATE {Chain._meta.db_table} SET length = length + {count} WHERE customer_id = {rows.customer}")


def _replaced(rows: _Rows, uploads: int) -> None:
    """Of every tenth claim the state before, when it was pending."""
    as_it_is = {
        field.attname: f"claim.{field.column}"
        for field in ClaimState._meta.get_fields()
        if getattr(field, "concrete", False) and field.name != "customer"
    }
    as_it_was = {"outcome": "'pending'", "status": "'pending'", "decided_date": "NULL", "denial_code": "NULL"}
    earlier = f"greatest({uploads}, claim.upload_id - 3)"
    source = f"JOIN claims_claim claim ON claim.customer_id = {rows.customer} AND claim.id % 10 = 0"
    both = {"claim_id": "claim.id", "replaced_by_id": "claim.upload_id", "upload_id": earlier}
    rows.add(ReplacedClaim, 1, source=source, **as_it_is | as_it_was | both)


def _people(rows: _Rows) -> None:
    mark = f"{rows.customer}"
    email = f"'person.' || n || '.{mark}@example.com'"
    people = rows.add(Person, PEOPLE, public_id=_id("per", f"{mark} * 1000 + n"), email=email, name="'Person ' || n")
    who = f"{people} + n % {PEOPLE}"
    rows.add(PersonCustomer, PEOPLE, person_id=who)
    rows.add(Member, PEOPLE, public_id=_id("mbr"), person_id=who, role="'analyst'")
    rows.add(
        Session, 200, public_id=_id("ses", f"{mark} * 1000 + n"), kind="'browser'", person_id=who, expires_at="now()",
        digest=f"encode(sha256(('{mark} ' || n)::bytea), 'hex')", ended_at="now()",
    )  # fmt: skip
    rows.add(Invitation, PEOPLE, public_id=_id("inv"), email=email, role="'viewer'", digest=_digest(5))
    rows.add(ApiKey, 4, public_id=_id("key"), name="'key ' || n", digest=_digest(6))
    kept = "now() - make_interval(mins => n)"
    rows.add(KeptAnswer, 500, digest=_digest(7), payload=_digest(8), answer="repeat('x', 600)", kept_at=kept)


def _judged(rows: _Rows, payers: int) -> int:
    """Nights, and the events of their judgements, of which a few are open; the first event's id."""
    nodes = f"(SELECT jsonb_agg(jsonb_build_object('payer', k, 'rate', 0.1)) FROM generate_series(1, {PAYERS * 5}) k)"
    night = f"{_FIRST_DAY} + 7 * (n / 7)"
    rows.add(
        DriftRun, 700, public_id=_id("run"), as_of_week=night, data_version=_digest(9), nodes=nodes, ended_at="now()",
        carried_at="now() - make_interval(days => 800 - n)", created_at="now() - make_interval(days => 800 - n)",
        summary=_json(_SUMMARY), series_checked="0", tests="0",
    )  # fmt: skip
    week = f"{_FIRST_DAY} + 7 * (n % 100)"
    return rows.add(
        DriftEvent, EVENTS, public_id=_id("evt"), **_series(payers), tier="'alert'", certainty="'likely'",
        status="CASE WHEN n % 20 = 0 THEN 'open' ELSE 'closed' END", first_week=week, alert_week=week, as_of_week=week,
        window=_json(_WINDOW), history=_json(_HISTORY), observed="30", expected="10", effect="0.2", p_value="1e-6",
        q_value="1e-4", claims="100", amount_at_risk="n * 1000",
    )  # fmt: skip


def _series(payers: int) -> dict[str, str]:
    """That of the n-th event, for whatever is about it."""
    return {
        "measure": "'denial_rate'", "direction": "'worse'", "episode": "1",
        "payer_id": f"{payers} + n % {EVENTS} % {PAYERS}",
        "cpt_group": f"'group_' || n % {EVENTS} / {PAYERS}",
    }  # fmt: skip


def _told(rows: _Rows, payers: int, events: int) -> None:
    """Rules, what they have told of, and the messages by which they told it."""
    rules = rows.add(Rule, 6, public_id=_id("rul"), name="'rule ' || n")
    about = _series(payers) | {"event_id": f"{events} + (n + {EVENTS - 1}) % {EVENTS}"}
    state = "CASE WHEN n % 40 = 0 THEN 'waiting' WHEN n % 40 = 1 THEN 'held' ELSE 'sent' END"
    alerts = rows.add(
        Alert, 3 * EVENTS, public_id=_id("alr"), **about, rule_id=f"{rules} + (n - 1) / {EVENTS}", state=state,
        due_at="CASE WHEN n % 40 = 0 THEN now() END", waits_for="CASE WHEN n % 40 = 0 THEN 'time' ELSE '' END",
        certainty="'likely'", sentence="'It denies more.'",
    )  # fmt: skip
    rows.add(Verdict, EVENTS, public_id=_id("vrd"), **about, alert_id=f"{alerts} + n - 1", kind="'real'")
    with acting_in(rows.customer):
        endpoints = [_endpoint(number) for number in range(1, 4)]
    messages = rows.add(
        Message, 3_000, public_id=_id("msg"), endpoint_id=_one_of(endpoints), type="'alert.raised'",
        about=_id("alr", f"n % {3 * EVENTS}"), body="repeat('x', 700)", settled_at="now()",
        state="CASE WHEN n % 100 = 0 THEN 'waiting' WHEN n % 100 = 1 THEN 'failed' ELSE 'delivered' END",
        due_at="CASE WHEN n % 100 = 0 THEN now() END",
    )  # fmt: skip
    rows.add(Attempt, 3_000, public_id=_id("att"), message_id=f"{messages} + n - 1", number="1", status="200")


def _endpoint(number: int) -> int:
    """One whose address and secret can be opened."""
    address = sealed(f"https://hooks.example.com/{number}", URL)
    made = Endpoint.objects.create(channel="webhook", sealed_url=address, public_id=public_id("end", number))
    SigningSecret.objects.create(endpoint=made, sealed_secret=sealed(new_secret(), SECRET))
    return int(made.pk)


def _one_of(ids: Sequence[int]) -> str:
    return f"(ARRAY{list(ids)})[1 + n % {len(ids)}]"
