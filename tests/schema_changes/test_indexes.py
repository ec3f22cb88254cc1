"""What an attempt left behind is found by what the catalogue says of it, and rows that are alike are told before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError, connection, migrations, models
from django.db.migrations.state import ProjectState

from payerwatch.claims.models import Claim
from payerwatch.schema_changes.catalogue import constraint_named, index_named
from payerwatch.schema_changes.operations import (
    AddIndexConcurrently,
    CannotBeDoneBeside,
    UniqueInThreePhases,
)
from payerwatch.schema_changes.refusals import AnotherOfThatName, DuplicatesFound, InsideATransaction
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.schema_changes.applying import apply, take_back

pytestmark = pytest.mark.django_db(transaction=True)

INDEX = models.Index(fields=["customer", "cpt_group", "id"], name="test_claims_index")
ALIKE = models.UniqueConstraint(fields=["customer", "cpt"], name="test_claims_unique")
APART = models.UniqueConstraint(fields=["customer", "cpt", "id"], include=["outcome"], name="test_claims_unique")


@pytest.fixture
def owner() -> Iterator[None]:
    with as_migrator():
        yield
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE claims_claim DROP CONSTRAINT IF EXISTS test_claims_unique")
            cursor.execute("DROP INDEX IF EXISTS test_claims_index, test_claims_unique")


def leave_half_an_index(name: str, columns: str, unique: str = "UNIQUE") -> None:
    """As a build leaves it that was stopped: there, kept up to date, and not valid."""
    with connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute(f"CREATE {unique} INDEX CONCURRENTLY {name} ON claims_claim ({columns})")
    assert index_named(connection, name) is not None
    assert not index_named(connection, name).whole  # type: ignore[union-attr]


@pytest.mark.postgresql
def test_half_an_index_is_dropped_and_built_anew(owner: None, practices: list[Customer]):
    leave_half_an_index("test_claims_index", "customer_id")
    apply(AddIndexConcurrently("Claim", INDEX))
    found = index_named(connection, "test_claims_index")
    assert found is not None
    assert found.whole
    assert "(customer_id, cpt_group, id)" in found.definition


@pytest.mark.postgresql
def test_what_a_killed_unique_build_left_becomes_a_constraint(owner: None, practices: list[Customer]):
    leave_half_an_index("test_claims_unique", "customer_id")
    apply(UniqueInThreePhases("Claim", APART))
    found = constraint_named(connection, "claims_claim", "test_claims_unique")
    assert found is not None
    assert found.definition == "UNIQUE (customer_id, cpt, id) INCLUDE (outcome)"


@pytest.mark.postgresql
def test_the_same_index_is_not_built_twice(owner: None, practices: list[Customer]):
    apply(AddIndexConcurrently("Claim", INDEX))
    number = oid_of("test_claims_index")
    apply(AddIndexConcurrently("Claim", INDEX))
    assert oid_of("test_claims_index") == number


@pytest.mark.postgresql
def test_another_index_of_that_name_is_refused(owner: None, practices: list[Customer]):
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX test_claims_index ON claims_claim (customer_id, outcome)")
    with pytest.raises(AnotherOfThatName, match="test_claims_index"):
        apply(AddIndexConcurrently("Claim", INDEX))


@pytest.mark.postgresql
def test_an_index_attached_before_is_the_constraint(owner: None, practices: list[Customer]):
    apply(UniqueInThreePhases("Claim", APART))
    apply(UniqueInThreePhases("Claim", APART))
    take_back(UniqueInThreePhases("Claim", APART))
    assert constraint_named(connection, "claims_claim", "test_claims_unique") is None
    assert index_named(connection, "test_claims_unique") is None


@pytest.mark.postgresql
def test_rows_written_alike_during_the_build_leave_nothing_behind(
    owner: None, practices: list[Customer], monkeypatch: pytest.MonkeyPatch
):
    """The look before the build finds none; the build does."""
    looks = []
    look = "payerwatch.schema_changes.operations.constraints.refuse_duplicates"
    monkeypatch.setattr(look, lambda *given: looks.append(given))
    with pytest.raises(IntegrityError):
        apply(UniqueInThreePhases("Claim", ALIKE))
    assert len(looks) == 2
    assert index_named(connection, "test_claims_unique") is None


@pytest.mark.postgresql
def test_a_build_that_was_cut_off_is_begun_again(owner: None, practices: list[Customer]):
    asked: list[str] = []

    def interrupt(execute, sql, params, many, context):
        if "CREATE INDEX CONCURRENTLY" in sql:
            asked.append(sql)
            if len(asked) == 1:
                raise OperationalError("canceling statement")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(interrupt):
        apply(AddIndexConcurrently("Claim", INDEX))
    assert len(asked) == 2
    assert index_named(connection, "test_claims_index").whole  # type: ignore[union-attr]


@pytest.mark.postgresql
def test_it_is_no_part_of_a_transaction(owner: None, practices: list[Customer]):
    for operation in (AddIndexConcurrently("Claim", INDEX), UniqueInThreePhases("Claim", APART)):
        with pytest.raises(InsideATransaction, match="atomic = False"):
            apply(operation, atomic=True)


def oid_of(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::regclass::oid::bigint", [name])
        return int(cursor.fetchone()[0])


def test_who_has_rows_that_are_alike_is_told(practices: list[Customer], tmp_path: Path):
    with as_migrator(), pytest.raises(DuplicatesFound) as refused:
        apply(UniqueInThreePhases("Claim", ALIKE))
    assert set(refused.value.by_customer) == {str(practice.pk) for practice in practices}
    assert "claims_claim" in str(refused.value)
    with connection.cursor() as cursor:
        assert "test_claims_unique" not in connection.introspection.get_constraints(cursor, "claims_claim")


@pytest.mark.parametrize(
    "constraint",
    [
        models.UniqueConstraint(fields=["cpt"], condition=models.Q(outcome="paid"), name="partial"),
        models.UniqueConstraint(models.F("cpt"), name="of_an_expression"),
        models.UniqueConstraint(fields=["cpt"], deferrable=models.Deferrable.DEFERRED, name="deferrable"),
    ],
    ids=lambda each: each.name,
)
@pytest.mark.pure
def test_what_no_index_can_become_is_refused_when_it_is_written(constraint: models.UniqueConstraint):
    with pytest.raises(CannotBeDoneBeside, match=constraint.name):
        UniqueInThreePhases("Claim", constraint)


def test_the_state_knows_the_constraint():
    state = ProjectState()
    fields = [(field.name, field.clone()) for field in Claim._meta.local_fields]
    migrations.CreateModel("Claim", fields).state_forwards("claims", state)
    UniqueInThreePhases("Claim", APART).state_forwards("claims", state)
    assert state.models["claims", "claim"].options["constraints"] == [APART]
