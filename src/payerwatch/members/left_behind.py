"""What somebody leaves in a customer whose place there ends or becomes less."""

from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record
from payerwatch.members.models import ApiKey, Invitation, Person
from payerwatch.members.roles import MANAGES, Role


def withdraw_invitations_of(person: Person, present: Role | None, *, actor: Actor) -> None:
    """Withdraw what waits of their invitations to roles that they may give no longer, the customer being held."""
    given = MANAGES[present] if present is not None else frozenset()
    waiting = Invitation.objects.filter(invited_by=person.public_id, accepted_at=None, withdrawn_at=None)
    for invitation in waiting.exclude(role__in=given).order_by("pk"):
        invitation.withdrawn_at = timezone.now()
        invitation.save(update_fields=["withdrawn_at"])
        thing, after = Thing("invitation", invitation.public_id), {"because": "inviter_may_give_it_no_longer"}
        record("withdraw", thing, actor=actor, after=after)


def keys_in_force_issued_by(person: Person) -> list[str]:
    """The ids of the keys in force that the person issued to the customer entered. They are the customer's and stay."""
    issued = ApiKey.objects.filter(issued_by=person.public_id, revoked_at=None).exclude(expires_at__lte=timezone.now())
    return list(issued.order_by("pk").values_list("public_id", flat=True))
