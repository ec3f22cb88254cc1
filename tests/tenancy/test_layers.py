"""Each layer between customers holds by itself: proven by switching the others off.

The last word is a control: with every layer off the same paths do leak, so these tests can fail.
"""

import pytest
from django.db import IntegrityError, connection, transaction

from payerwatch.tenancy.context import acting_in
from tests.tenancy.conftest import (
    OTHER_BOOKS,
    OWN_BOOKS,
    World,
    filters_off,
    is_postgresql,
    keys_off,
    policies_off,
)
from tests.tenancy.query_paths import PATHS, PATHS_PAST_FILTERS, RAW_READS, RAW_WRITES, answers

pytestmark = pytest.mark.django_db(transaction=True)

ORM_PATHS = PATHS | PATHS_PAST_FILTERS


def own_only(paths):
    return dict.fromkeys(paths, OWN_BOOKS)


def test_with_every_layer_a_customer_reaches_only_its_own_rows(world: World):
    with acting_in(world.own.customer):
        found = answers(ORM_PATHS | RAW_WRITES, world)
    assert found == own_only(ORM_PATHS | RAW_WRITES)


def test_the_filter_holds_without_row_policies(world: World):
    with policies_off(), acting_in(world.own.customer):
        found = answers(PATHS, world)
    assert found == own_only(PATHS)


def test_the_row_policy_holds_without_the_filter(world: World):
    """On SQLite for writes; reading has only the filter there."""
    paths = {name: path for name, path in ORM_PATHS.items() if is_postgresql() or name in PATHS_PAST_FILTERS}
    paths |= RAW_WRITES
    with filters_off(), acting_in(world.own.customer):
        found = answers(paths, world)
    assert found == own_only(paths)


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["update", "update by key", "bulk_update", "delete", "delete at once"])
def test_the_row_guard_refuses_a_write_without_the_filter_on_sqlite(world: World, name: str):
    with filters_off(), acting_in(world.own.customer), pytest.raises(IntegrityError, match="row policy"):
        answers({name: PATHS[name]}, world)


@pytest.mark.postgresql
def test_the_row_policy_holds_for_raw_sql(world: World):
    with acting_in(world.own.customer):
        assert answers(RAW_READS, world) == own_only(RAW_READS)


def test_with_filter_and_policy_off_every_path_leaks(world: World):
    """The control: nothing else would have stopped them."""
    paths = ORM_PATHS | RAW_READS | RAW_WRITES
    with filters_off(), policies_off(), acting_in(world.own.customer):
        found = answers(paths, world)
    expected = dict.fromkeys(paths, OWN_BOOKS + OTHER_BOOKS)
    assert found == expected


def steal_a_parent(world: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO shelf_book (customer_id, shelf_id, title, pages) VALUES (%s, %s, 'mine', 1)",
            [world.own.customer.pk, world.other.shelf.pk],
        )
        transaction.set_rollback(True)


def move_to_another_parent(world: World) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE shelf_book SET shelf_id = %s WHERE id = %s",
            [world.other.shelf.pk, world.own.books[0].pk],
        )
        transaction.set_rollback(True)


@pytest.mark.parametrize("theft", [steal_a_parent, move_to_another_parent])
def test_the_composite_key_refuses_another_customers_parent_by_itself(world: World, theft):
    with filters_off(), policies_off(), acting_in(world.own.customer), pytest.raises(IntegrityError):
        theft(world)


@pytest.mark.parametrize("theft", [steal_a_parent, move_to_another_parent])
def test_without_the_composite_key_another_customers_parent_is_taken(world: World, theft):
    """The control: the row policy lets it pass, since the row itself is one's own."""
    with keys_off(), acting_in(world.own.customer):
        theft(world)
