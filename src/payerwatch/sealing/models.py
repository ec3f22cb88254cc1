"""Under which key each customer's rows are sealed."""

from django.conf import settings
from django.db import connection, models

from payerwatch.sealing.sealing import SealBroken
from payerwatch.tenancy.context import acting_in, current_customer_id, remembered
from payerwatch.tenancy.models import Customer, TenantModel

# Names the advisory lock between what writes sealed values and what changes the key they are under.
_WRITING_LOCK = 7_011
_IS_PLAIN = "values are plain"


class FieldKey(TenantModel):
    """The key all of a customer's sealed values are under. A customer without one has plain values."""

    key_id = models.CharField(max_length=16)
    sealed_at = models.DateTimeField(auto_now=True, help_text="when the rows were last brought under the key")

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["customer"], name="sealing_fieldkey_one")]

    def __str__(self) -> str:
        return self.key_id


def customer_key_id() -> str | None:
    """The key of the customer entered; None where its values are plain."""
    key_id: str | None = FieldKey.objects.values_list("key_id", flat=True).first()
    return key_id


def key_ids_in_use() -> set[str]:
    """The keys that any customer's rows are under. Enters each customer."""
    return {key_id for customer in Customer.objects.order_by("pk") if (key_id := _key_id_of(customer)) is not None}


def _key_id_of(customer: Customer) -> str | None:
    with acting_in(customer, reading=True):
        return customer_key_id()


def refuse_plain(purpose: str) -> None:
    """Raise SealBroken if the values of the customer entered are sealed: a plain one was put there from outside.

    To be called for a value that is plain. Asks the database once for each time the customer is entered, and not
    at all in an installation without keys.
    """
    if not settings.FIELD_KEYS:
        return
    facts = remembered()
    if _IS_PLAIN in facts:
        return
    if customer_key_id() is not None:
        raise SealBroken(purpose)
    facts.add(_IS_PLAIN)


def key_id_to_write_under() -> str | None:
    """The key of the customer entered, which then stays the customer's until this transaction ends."""
    _lock("pg_advisory_xact_lock_shared")
    return customer_key_id()


def record_customer_key(key_id: str | None) -> None:
    """Let the values of the customer entered be sealed under this key from now on; None: be plain.

    Waits for every transaction that writes sealed values of the customer. The caller brings what is stored
    under the key, in the same transaction.
    """
    _lock("pg_advisory_xact_lock")
    if key_id is None:
        FieldKey.objects.all().delete()
    else:
        FieldKey.objects.update_or_create(defaults={"key_id": key_id})


def _lock(function: str) -> None:
    """On SQLite the transaction itself is the lock."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, hashint8(%s))", [_WRITING_LOCK, current_customer_id()])
