"""Customers with invented claims by the product's own sample generator, judged and reported on as after a night.

It fills the database that scripts/with_postgres.py made for this run, in this process, by the product's own actions.
"""

import base64
import logging
import os
import secrets
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import django
import psycopg
from django.conf import settings
from django.core.management import call_command

from loadtest.tasks import Caller

UNTIL = date(2026, 6, 28)  # a Sunday: the same claims and findings, whenever it is run
WEEKS, WEEKS_JUDGED = 60, 3
KEYS = 5  # of each customer: each has a rate of its own
ASKED_FOR = 200  # claims of each customer, of all its weeks, that are asked for one by one
SCOPES = ("claims.read", "events.read", "mappings.read", "customer.read")


def set_up(directory: Path) -> None:
    """Migrate, with settings as in production: sealed fields, keys, and every rate as it is by default."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    os.environ.update(
        PAYERWATCH_DATA_DIR=str(directory),
        PAYERWATCH_SECRET_KEY=secrets.token_urlsafe(50),
        PAYERWATCH_FIELD_KEYS=f"load:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    )
    django.setup()
    logging.disable(logging.INFO)  # of this process alone
    _refuse_unless_throwaway()
    call_command("migrate", verbosity=0)


def _refuse_unless_throwaway() -> None:
    """Exit where a database is named that scripts/with_postgres.py did not make for this run, and will not drop."""
    if "DATABASE_URL" in os.environ and os.environ.get("PAYERWATCH_THROWAWAY") != settings.DATABASES["default"]["NAME"]:
        sys.exit(
            "DATABASE_URL names a database that was not made to be thrown away, and the load test would fill it. "
            "Run it with one that is: .venv/bin/python scripts/with_postgres.py -- COMMAND"
        )


def seed(customers: int, claims: int, people: int) -> list[Caller]:
    """So many customers with as many claims together, and at least as many people, the same number in each."""
    # What needs Django set up.
    from payerwatch.audit.actors import command_actor
    from payerwatch.pipeline import add_customer

    callers = []
    for number in range(1, customers + 1):
        customer = add_customer(f"Practice {number}", actor=command_actor())
        _fill(customer, number, max(1, claims // customers // WEEKS))
        callers += [_caller(customer, f"{number}-{each + 1}") for each in range(max(1, -(-people // customers)))]
    return callers


def _fill(customer, seed: int, claims_per_week: int) -> None:
    """Claims of many weeks, the last weeks judged, last month's report built."""
    # What needs Django set up.
    from payerwatch import pipeline
    from payerwatch.audit.actors import command_actor
    from payerwatch.operations.sample import draw_practice, write_sample

    practice = draw_practice(seed=seed, weeks=WEEKS, claims_per_week=claims_per_week, until=UNTIL, drift="both")
    with tempfile.TemporaryDirectory() as directory:
        order = pipeline.LoadOrder(path=write_sample(Path(directory), practice).claims)
        pipeline.load(customer, order, actor=command_actor(), progress=lambda *_: None, today=UNTIL)
    for week in reversed(range(WEEKS_JUDGED)):
        pipeline.detect(customer, UNTIL - timedelta(weeks=week), actor=command_actor())
    pipeline.report(customer, UNTIL.replace(day=1) - timedelta(days=1), actor=command_actor())


def _caller(customer, name: str) -> Caller:
    # What needs Django set up.
    from payerwatch.audit.actors import command_actor
    from payerwatch.claims.models import Claim, Payer, numbers_read
    from payerwatch.members.actions import add_member
    from payerwatch.members.keys import issue_key
    from payerwatch.members.people import add_recorded_person
    from payerwatch.tenancy.context import acting_in

    actor, password = command_actor(), secrets.token_urlsafe(20)
    email = f"reader{name}@example.org"
    keys = [issue_key(customer, name=f"load {each}", scopes=SCOPES, actor=actor).text for each in range(KEYS)]
    with acting_in(customer):
        add_member(add_recorded_person(email, f"Reader {name}", password, actor=actor), "analyst", actor=actor)
        payers = tuple(Payer.objects.values_list("name", flat=True))
        rows = list(Claim.objects.order_by("pk").values_list("pk", "claim_key", "sealed_number"))
    some = rows[:: max(1, len(rows) // ASKED_FOR)]
    claims = tuple(f"clm_{pk}" for pk, _, _ in some)
    return Caller(email, password, tuple(keys), payers, claims, tuple(numbers_read([row[1:] for row in some])))


def take_stock() -> None:
    """What PostgreSQL does by itself within minutes: look at what the tables hold, so that plans fit."""
    if "MIGRATOR_DATABASE_URL" not in os.environ:  # on SQLite
        return
    with psycopg.connect(os.environ["MIGRATOR_DATABASE_URL"], autocommit=True) as connection:
        connection.execute("ANALYZE")
