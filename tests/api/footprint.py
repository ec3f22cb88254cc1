"""All that a practice has in the database, and what of it may be in nobody else's answers."""

import hashlib
from typing import Any

from django.apps import apps
from django.db import connection

from payerwatch.members.models import Person, PersonCustomer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import TenantModel
from tests.api.makers import Practice


def tenant_tables() -> list[type[TenantModel]]:
    return [model for model in apps.get_models() if issubclass(model, TenantModel)]


def tables_of_people() -> list[tuple[str, str]]:
    """Each table that names people, with the column by which."""
    found = [(Person._meta.db_table, "id")]
    for model in apps.get_models():
        if not issubclass(model, TenantModel):
            found += [(model._meta.db_table, f.column) for f in model._meta.local_fields if f.related_model is Person]
    return found


def footprint(practice: Practice) -> str:
    """A digest over every row of the practice and of those who are its members and nobody else's."""
    rows = hashlib.sha256()
    customer, people = practice.customer.pk, _own_people(practice)
    with acting_in(practice.customer), connection.cursor() as cursor:
        for model in tenant_tables():
            _add(rows, cursor, model._meta.db_table, "customer_id", [customer])
        for table, column in tables_of_people():
            _add(rows, cursor, table, column, people)
        _add(rows, cursor, "tenancy_customer", "id", [customer])
    return rows.hexdigest()


def _own_people(practice: Practice) -> list[int]:
    """Who is a member of no other practice: who is of several does things of their own."""
    mine = set(PersonCustomer.objects.filter(customer=practice.customer).values_list("person", flat=True))
    elsewhere = PersonCustomer.objects.exclude(customer=practice.customer).values_list("person", flat=True)
    return sorted(mine - set(elsewhere))


def _add(rows: Any, cursor: Any, table: str, column: str, values: list[int]) -> None:
    places = ", ".join(["%s"] * len(values)) or "NULL"
    cursor.execute(f'SELECT * FROM "{table}" WHERE "{column}" IN ({places}) ORDER BY id', values)
    rows.update(repr((table, cursor.fetchall())).encode())


def canaries(practice: Practice) -> frozenset[str]:
    """The practice's word, and the id of each of its things."""
    found = {practice.word.lower(), practice.customer.public_id}
    found |= set(Person.objects.filter(pk__in=_own_people(practice)).values_list("public_id", flat=True))
    with acting_in(practice.customer):
        for model in tenant_tables():
            if any(each.name == "public_id" for each in model._meta.local_fields):
                found |= set(model.objects.values_list("public_id", flat=True))
    return frozenset(found)
