"""Bringing what is always sealed under a field key: people's authenticator secrets, answers that are kept, and what
senders sign batches with."""

from django.db import transaction
from django.db.models.functions import Left

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.members import ingest_secrets, kept_answers
from payerwatch.members.models import IngestSecret, KeptAnswer, SecondFactor
from payerwatch.members.second_factor import SECRET_PURPOSE
from payerwatch.sealing.keys import SECRET_KEY_ID, seal_secret_under, unseal_secret
from payerwatch.sealing.sealing import key_id_of
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

_LONGEST_HEAD = 40  # of a sealed text, in which the id of its key stands


def second_factor_key_ids() -> set[str]:
    """The keys that authenticator secrets are under; SECRET_KEY_ID stands for SECRET_KEY."""
    found = (key_id_of(secret) for secret in SecondFactor.objects.values_list("secret", flat=True))
    return {key_id for key_id in found if key_id is not None}


def reseal_second_factors(to_key: str | None, *, actor: Actor) -> int:
    """Bring every authenticator secret under a field key, or (None) under SECRET_KEY. Returns how many were not.

    Raises FieldKeyMissing or SealBroken, and has then changed nothing.
    """
    with transaction.atomic():
        factors = SecondFactor.objects.select_for_update().order_by("pk")
        moved = [factor for factor in factors if key_id_of(factor.secret) != (to_key or SECRET_KEY_ID)]
        for factor in moved:
            factor.secret = seal_secret_under(to_key, unseal_secret(factor.secret, SECRET_PURPOSE), SECRET_PURPOSE)
            factor.save(update_fields=["secret"])
        if moved:
            after = {"key": to_key or SECRET_KEY_ID, "second_factors": len(moved)}
            record_for_installation("rotate", Thing("field_key"), actor=actor, after=after)
        return len(moved)


def kept_answer_key_ids() -> set[str]:
    """The keys that kept answers of any customer are under. Enters each."""
    return {key_id for customer in Customer.objects.order_by("pk") for key_id in _kept_under(customer)}


def _kept_under(customer: Customer) -> set[str]:
    with acting_in(customer, reading=True):
        heads = KeptAnswer.objects.annotate(head=Left("answer", _LONGEST_HEAD)).values_list("head", flat=True)
        found = (key_id_of(head) for head in heads.distinct())
        return {key_id for key_id in found if key_id is not None}


def reseal_kept_answers(customer: Customer, to_key: str | None, *, actor: Actor) -> int:
    """Bring the customer's kept answers under a field key, or (None) under SECRET_KEY. Returns how many were not.

    Raises FieldKeyMissing or SealBroken, and has then changed nothing.
    """
    with acting_in(customer):
        answers = KeptAnswer.objects.select_for_update().order_by("pk")
        moved = [kept for kept in answers if key_id_of(kept.answer) != (to_key or SECRET_KEY_ID)]
        for kept in moved:
            kept_answers.seal_again(kept, to_key)
        if moved:
            after = {"key": to_key or SECRET_KEY_ID, "kept_answers": len(moved)}
            record("rotate", Thing("field_key"), actor=actor, after=after)
        return len(moved)


def ingest_secret_key_ids() -> set[str]:
    """The keys that any customer's secrets for batches are under. Enters each."""
    return {key_id for customer in Customer.objects.order_by("pk") for key_id in _secrets_under(customer)}


def _secrets_under(customer: Customer) -> set[str]:
    with acting_in(customer, reading=True):
        found = (key_id_of(secret) for secret in IngestSecret.objects.values_list("secret", flat=True))
        return {key_id for key_id in found if key_id is not None}


def reseal_ingest_secrets(customer: Customer, to_key: str | None, *, actor: Actor) -> int:
    """Bring the customer's secrets for batches under a field key, or (None) under SECRET_KEY. Returns how many were
    not.

    Raises FieldKeyMissing or SealBroken, and has then changed nothing.
    """
    with acting_in(customer):
        secrets = IngestSecret.objects.select_for_update().order_by("pk")
        moved = [kept for kept in secrets if key_id_of(kept.secret) != (to_key or SECRET_KEY_ID)]
        for kept in moved:
            ingest_secrets.seal_again(kept, to_key)
        if moved:
            after = {"key": to_key or SECRET_KEY_ID, "ingest_secrets": len(moved)}
            record("rotate", Thing("field_key"), actor=actor, after=after)
        return len(moved)
