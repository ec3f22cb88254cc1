"""All that a practice has in the database, and what of it may be in nobody else's answers."""

import hashlib
from collections.abc import Iterator
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
    customer, people = practice.customer.pk, _own_people(practice)
    looked_at = [
        *((model._meta.db_table, "customer_id", [customer]) for model in tenant_tables()),
        *((table, column, people) for table, column in tables_of_people()),
        ("tenancy_customer", "id", [customer]),
    ]
    rows = hashlib.sha256()
    with acting_in(practice.customer), connection.cursor() as cursor:
        for found in (_digests if connection.vendor == "postgresql" else _rows)(cursor, looked_at):
            rows.update(repr(found).encode())
    return rows.hexdigest()


LookedAt = list[tuple[str, str, list[int]]]  # tables, and the values of a column that the rows have


def _digests(cursor: Any, looked_at: LookedAt) -> list[tuple]:
    """In one statement, as asking each table takes longer than all else that the crawl does."""
    cursor.execute(
        " UNION ALL ".join(
            f"SELECT '{table} {column}', md5(string_agg(row::text, ' ' ORDER BY id)) "
            f'FROM "{table}" AS row WHERE "{column}" = ANY (%s)'
            for table, column, _ in looked_at
        ),
        [values for _, _, values in looked_at],
    )
    found: list[tuple] = cursor.fetchall()
    return found


def _rows(cursor: Any, looked_at: LookedAt) -> Iterator[list[tuple]]:
    for table, column, values in looked_at:
        places = ", ".join(["%s"] * len(values)) or "NULL"
        cursor.execute(f'SELECT * FROM "{table}" WHERE "{column}" IN ({places}) ORDER BY id', values)
        yield [(table,), *cursor.fetchall()]


def _own_people(practice: Practice) -> list[int]:
    """Who is a member of no other practice: who is of several does things of their own."""
    mine = set(PersonCustomer.objects.filter(customer=practice.customer).values_list("person", flat=True))
    elsewhere = PersonCustomer.objects.exclude(customer=practice.customer).values_list("person", flat=True)
    return sorted(mine - set(elsewhere))


def canaries(practice: Practice) -> frozenset[str]:
    """The practice's word, and the id of each of its things."""
    found = {practice.word.lower(), practice.customer.public_id}
    found |= set(Person.objects.filter(pk__in=_own_people(practice)).values_list("public_id", flat=True))
    with acting_in(practice.customer):
        for model in tenant_tables():
            if any(each.name == "public_id" for each in model._meta.local_fields):
                found |= set(model.objects.values_list("public_id", flat=True))
    return frozenset(found)
