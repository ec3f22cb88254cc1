"""A chain of everything that can be done to a table in use: there, back and there again, on both databases."""

from __future__ import annotations

import pytest
from django.db import connection

from payerwatch.claims.models import Claim
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.schema_changes.conftest import FIRST, LAST, STEPS, migrate
from tests.tenancy.schema import schema_as_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

COLUMNS = [field.column for field in Claim._meta.local_fields]


def rows_of(practices: list[Customer]) -> list[tuple]:
    """Every value of every claim in the columns that the chain does not touch."""
    found: list[tuple] = []
    for practice in practices:
        with acting_in(practice):
            found += Claim.objects.order_by("pk").values_list(*COLUMNS)
    return found


def test_each_step_back_gives_the_schema_that_was_there(trial: None, practices: list[Customer]):
    rows, schemas = rows_of(practices), {FIRST: schema_as_text()}
    for step in STEPS:
        migrate("trial", step)
        schemas[step] = schema_as_text()
        assert schemas[step] != schemas[FIRST]
        assert rows_of(practices) == rows
    for step in reversed((FIRST, *STEPS[:-1])):
        migrate("trial", step)
        assert schema_as_text() == schemas[step], step
    migrate("trial", LAST)
    assert schema_as_text() == schemas[LAST]
    assert rows_of(practices) == rows


def test_every_step_may_be_begun_again_after_it_was_done(trial: None, practices: list[Customer]):
    """As after a kill between the last statement of a migration and the note that it was applied."""
    for step in STEPS:
        migrate("trial", step)
        done = schema_as_text()
        forget(step)
        migrate("trial", step)
        assert schema_as_text() == done, step


def forget(step: str) -> None:
    with as_migrator(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'trial' AND name = %s", [step])


def test_the_release_before_goes_on_adding_claims(trial: None, practices: list[Customer]):
    """It names the columns that it knows, and no others."""
    named = ", ".join(column for column in COLUMNS if column not in ("id", "claim_key"))
    for number, step in enumerate(STEPS):
        migrate("trial", step)
        with acting_in(practices[0]), connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO claims_claim (claim_key, {named}) SELECT %s, {named} FROM claims_claim "
                "WHERE customer_id = %s LIMIT 1",
                [f"of old code {number}", practices[0].pk],
            )
            assert cursor.rowcount == 1


def test_what_is_due_is_filled_in_and_nothing_else(trial: None, practices: list[Customer]):
    migrate("trial", "0006_after_filling")
    for practice in practices:
        with acting_in(practice), connection.cursor() as cursor:
            cursor.execute("SELECT id, place, grade FROM claims_claim WHERE customer_id = %s", [practice.pk])
            found = cursor.fetchall()
        assert found
        assert all(place == (pk * 2 if pk % 50 == 0 else None) and grade == 0 for pk, place, grade in found)
