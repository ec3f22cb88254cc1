"""The secret that a customer's senders sign batches with: set, rotated with an overlap, and taken away.

It is sealed at rest always, and shown once. The caller has entered the customer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.members.authority import hold_customer, refuse_unless_may
from payerwatch.members.models import IngestSecret
from payerwatch.members.roles import Permission
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.keys import seal_secret, seal_secret_under, unseal_secret
from payerwatch.tenancy.context import current_customer_id

LONGEST_OVERLAP = timedelta(hours=24)
THING = Thing("ingest_secret")


class IngestSecretNotSet(Refusal):
    """The customer has no secret for batches: they are taken unsigned."""

    kind = Kind.MISSING

    def __init__(self) -> None:
        super().__init__("There is no secret for batches.", fix="Set one, or do nothing: batches are taken unsigned.")


class IngestSecretRotatedAlready(Refusal):
    """The secret was rotated, and the one before it is still good."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "The secret was rotated a short while ago, and the one before is still good.",
            where="overlap_hours",
            fix="Wait until it has ended, or rotate with overlap_hours 0, which ends all others at once.",
        )


@dataclass(frozen=True)
class SecretsNow:
    """Since when batches must be signed with the present secret, and until when the one before is good too."""

    made_at: datetime | None = None
    old_ends_at: datetime | None = None

    @property
    def is_set(self) -> bool:
        return self.made_at is not None


def secrets_now() -> SecretsNow:
    kept = list(_in_force())
    present = next((each for each in kept if each.ends_at is None), None)
    ends = [each.ends_at for each in kept if each.ends_at is not None]
    return SecretsNow(present.made_at if present is not None else None, max(ends, default=None))


def secrets_in_force() -> list[str]:
    """The secrets as senders have them, the newest first; none where batches are taken unsigned.

    Raises FieldKeyMissing or SealBroken.
    """
    return [unseal_secret(each.secret, _purpose()) for each in _in_force()]


def set_secret(text: str, *, overlap: timedelta, actor: Actor) -> SecretsNow:
    """Let batches be signed with this secret; the present one, if any, stays good for the overlap.

    Raises NoLongerYours or IngestSecretRotatedAlready.
    """
    _refuse_unless_manages(actor)
    before, ends_at = secrets_now(), timezone.now() + min(overlap, LONGEST_OVERLAP)
    if overlap and before.old_ends_at is not None:
        raise IngestSecretRotatedAlready
    if overlap:
        IngestSecret.objects.filter(ends_at__lte=timezone.now()).delete()
        IngestSecret.objects.filter(ends_at=None).update(ends_at=ends_at)
    else:
        IngestSecret.objects.all().delete()
    IngestSecret.objects.create(secret=seal_secret(text, _purpose()))
    after = {"old_secret_ends_at": ends_at if overlap else None} if before.is_set else {}
    record("rotate" if before.is_set else "set", THING, actor=actor, after=after)
    return secrets_now()


def remove_secret(*, actor: Actor) -> None:
    """Take batches unsigned from now on. Raises NoLongerYours or IngestSecretNotSet."""
    _refuse_unless_manages(actor)
    if not secrets_now().is_set:
        raise IngestSecretNotSet
    IngestSecret.objects.all().delete()
    record("remove", THING, actor=actor)


def seal_again(kept: IngestSecret, key_id: str | None) -> None:
    """Bring a secret under a field key, or (None) under SECRET_KEY. Raises FieldKeyMissing or SealBroken."""
    kept.secret = seal_secret_under(key_id, unseal_secret(kept.secret, _purpose()), _purpose())
    kept.save(update_fields=["secret"])


def _refuse_unless_manages(actor: Actor) -> None:
    """Asked while the customer is held, so that of two who rotate at once the second sees the first."""
    hold_customer()
    refuse_unless_may(actor, Permission.MANAGE_KEYS)


def _in_force() -> list[IngestSecret]:
    in_force = Q(ends_at=None) | Q(ends_at__gt=timezone.now())
    return list(IngestSecret.objects.filter(in_force).order_by("-pk"))


def _purpose() -> str:
    return f"ingest secret {current_customer_id()}"
