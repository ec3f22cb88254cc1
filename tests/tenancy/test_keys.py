"""A key from one tenant's row to another: what Django would add to it, and what joins say."""

import pytest
from django.db import models

from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import TenantForeignKey
from tests.make import customer
from tests.tenancy.conftest import World
from tests.tenancy.shelf.models import Book, Shelf

pytestmark = pytest.mark.django_db


def test_it_has_neither_djangos_constraint_nor_its_index():
    key = TenantForeignKey(Shelf, models.CASCADE, null=True, related_name="+")
    assert (key.db_constraint, key.db_index, key.null) == (False, False, True)


def test_in_a_migration_it_says_neither_since_it_always_is_so():
    key = TenantForeignKey(Shelf, models.CASCADE, null=True, related_name="+")
    _, path, _, said = key.deconstruct()
    assert path == "payerwatch.tenancy.models.TenantForeignKey"
    assert said == {"to": "shelf.shelf", "on_delete": models.CASCADE, "null": True, "related_name": "+"}


def test_a_join_names_the_customer_on_both_sides(world: World):
    with acting_in(world.own.customer):
        written = str(Book.objects.filter(shelf__name="Top").query)
    joined = written.partition("INNER JOIN")[2].partition("WHERE")[0]
    assert '"shelf_shelf"."customer_id"' in joined
    assert '"shelf_book"."customer_id"' in joined


def test_a_customer_is_called_by_its_name_and_known_by_its_own_kind_of_id():
    found = customer("Alder Clinic")
    assert str(found) == "Alder Clinic"
    assert found.public_id.startswith("cus_")
