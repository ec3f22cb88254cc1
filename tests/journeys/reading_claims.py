"""How `reading.py` reads, once the settings are there."""

from collections.abc import Callable

from django.db import DatabaseError as DatabaseError
from django.db import connection, transaction

from payerwatch.claims.models import Claim
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer


def reader(*, in_a_transaction: bool) -> Callable[[], int]:
    """Reads once, as a page of claims and its count are read, and gives the count."""
    customer = Customer.objects.get(name="Practice")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")

    def read() -> int:
        if in_a_transaction:
            with transaction.atomic(), acting_in(customer, reading=True):
                return counted()
        with acting_in(customer, reading=True):
            return counted()

    def counted() -> int:
        list(Claim.objects.select_related("payer").order_by("-pk")[:50])
        return Claim.objects.count()

    return read
