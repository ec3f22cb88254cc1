"""Bringing a customer's stored values under a field key, from an older one or from plain, and back to plain."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.claims.loading import Progress, lock_claims
from payerwatch.claims.models import Claim, ReplacedClaim, Upload
from payerwatch.claims.numbers import PURPOSE, StoredNumbers, number_from
from payerwatch.claims.slices import reseal_slices
from payerwatch.members.authority import hold_customer
from payerwatch.sealing.fields import SealedTextField
from payerwatch.sealing.keys import newest_key_id, seal, unseal
from payerwatch.sealing.models import customer_key_id, record_customer_key
from payerwatch.sealing.rows import Stored, customer_tables, rewrite_rows, row_count, sealed_fields
from payerwatch.sealing.sealing import SealBroken, key_id_of
from payerwatch.tenancy.context import acting_in, current_customer_id
from payerwatch.tenancy.models import Customer, TenantModel

_NUMBERED = (Claim, ReplacedClaim)


@dataclass(frozen=True)
class Resealed:
    """A customer whose values were brought from one key under another; None is plain."""

    customer: Customer
    from_key: str | None
    to_key: str | None
    rows: int


def start_sealed() -> None:
    """Let a customer without uploads start under the newest key; one with plain rows stays plain.

    The caller has entered the customer and holds the lock on claims.
    """
    newest = newest_key_id()
    if newest is not None and customer_key_id() is None and not Upload.objects.exists():
        record_customer_key(newest)


def customers_not_sealed() -> list[Customer]:
    """The customers whose stored values are plain or under an older key although there is a newest. Enters each."""
    newest = newest_key_id()
    return [] if newest is None else [each for each in Customer.objects.order_by("pk") if _is_behind(each, newest)]


def _is_behind(customer: Customer, newest: str) -> bool:
    with acting_in(customer, reading=True):
        key_id = customer_key_id()
        return key_id != newest and (key_id is not None or Upload.objects.exists())


def reseal(customer: Customer, to_key: str | None, *, actor: Actor, progress: Progress) -> Resealed | None:
    """Bring every value of the customer under a key, or to plain (None), in one transaction.

    None where they are already. Raises FieldKeyMissing or SealBroken, and has then changed nothing.
    """
    with acting_in(customer):
        lock_claims()
        hold_customer()  # what people note about findings is written under it
        from_key = customer_key_id()
        rows = reseal_slices(to_key)
        if from_key == to_key and not rows:
            return None
        if from_key != to_key:
            record_customer_key(to_key)
            rows += _rewrite(from_key, to_key, progress)
        after = {"key": to_key or "plain", "rows": rows}
        record("rotate", Thing("field_key"), actor=actor, before={"key": from_key or "plain"}, after=after)
        return Resealed(customer, from_key, to_key, rows)


def _rewrite(from_key: str | None, to_key: str | None, progress: Progress) -> int:
    tables = customer_tables()
    total, done = sum(row_count(model) for model in tables), 0
    progress("seal", 0, total)
    for model in tables:
        for rows in _rewritten(model, from_key, to_key):
            done += rows
            progress("seal", done, total)
    return done


def _rewritten(model: type[TenantModel], from_key: str | None, to_key: str | None) -> Iterator[int]:
    if model in _NUMBERED:
        fresh = partial(_fresh_number, from_key, StoredNumbers(to_key))
        return rewrite_rows(model, ("claim_key", "sealed_number"), fresh)
    fields = sealed_fields(model)
    columns = [str(field.column) for field in fields]
    return rewrite_rows(model, columns, partial(_fresh_values, fields, from_key, to_key))


def _fresh_number(from_key: str | None, numbers: StoredNumbers, stored: Stored) -> Stored:
    claim_key, sealed = stored
    if sealed is None and from_key is not None:
        raise SealBroken(PURPOSE)
    opened = None if sealed is None else _opened(PURPOSE, from_key, sealed)
    return numbers.forms_of(number_from(claim_key or "", opened))


def _fresh_values(fields: list[SealedTextField], from_key: str | None, to_key: str | None, stored: Stored) -> Stored:
    return tuple(
        None if value is None else _fresh_value(field.purpose, from_key, to_key, value)
        for field, value in zip(fields, stored, strict=True)
    )


def _fresh_value(purpose: str, from_key: str | None, to_key: str | None, value: str) -> str:
    text = _opened(purpose, from_key, value)
    return seal(text, customer_id=current_customer_id(), purpose=purpose, key_id=to_key)


def _opened(purpose: str, from_key: str | None, value: str) -> str:
    """A stored value opened. A plain one of a sealed customer was put there from outside: SealBroken."""
    if from_key is not None and key_id_of(value) is None:
        raise SealBroken(purpose)
    return unseal(value, customer_id=current_customer_id(), purpose=purpose)
