"""Endpoints' addresses and secrets under another field key."""

from collections.abc import Iterator
from typing import Any

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.deliveries.models import Endpoint, SigningSecret
from payerwatch.deliveries.secrets import SECRET, URL, sealed_under, unsealed
from payerwatch.members.authority import hold_customer
from payerwatch.sealing.keys import SECRET_KEY_ID
from payerwatch.sealing.sealing import key_id_of
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

_SEALED: tuple[tuple[Any, str, str], ...] = ((Endpoint, "sealed_url", URL), (SigningSecret, "sealed_secret", SECRET))


def endpoint_key_ids() -> set[str]:
    """The keys under which any customer's are. Enters each."""
    return {key_id for customer in Customer.objects.order_by("pk") for key_id in _keys_of(customer)}


def _keys_of(customer: Customer) -> set[str]:
    with acting_in(customer, reading=True):
        return {key_id for stored in _stored() if (key_id := key_id_of(stored)) is not None}


def _stored() -> Iterator[str]:
    for model, column, _ in _SEALED:
        yield from model.objects.values_list(column, flat=True)


def reseal_endpoints(customer: Customer, to_key: str | None, *, actor: Actor) -> int:
    """Bring the customer's addresses and secrets under a field key, or (None) under SECRET_KEY. Returns how many were
    not.

    Raises FieldKeyMissing or SealBroken, and has then changed nothing.
    """
    with acting_in(customer):
        hold_customer()
        moved = sum(_reseal(model, column, what, to_key) for model, column, what in _SEALED)
        if moved:
            after = {"key": to_key or SECRET_KEY_ID, "endpoint_secrets": moved}
            record("rotate", Thing("field_key"), actor=actor, after=after)
        return moved


def _reseal(model: Any, column: str, what: str, to_key: str | None) -> int:
    rows = [row for row in model.objects.order_by("pk") if key_id_of(getattr(row, column)) != (to_key or SECRET_KEY_ID)]
    for row in rows:
        setattr(row, column, sealed_under(to_key, unsealed(getattr(row, column), what), what))
        row.save(update_fields=[column])
    return len(rows)
