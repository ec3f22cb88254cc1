"""Invitations: an e-mail address is asked to become a member, by a link that works once within seven days."""

import re
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.members import mail
from payerwatch.members.actions import AlreadyMember, join
from payerwatch.members.authority import hold_customer, may_still_give, member_role, refuse_unless_managed
from payerwatch.members.email_addresses import email_address
from payerwatch.members.models import Invitation, Member, Person
from payerwatch.members.passwords import PasswordWrong, password_hash, refuse_wrong_password
from payerwatch.members.people import PersonExists, acting_person, add_person, person_name
from payerwatch.members.queries import invitation_with_id, person_with_email, waiting_invitations
from payerwatch.members.roles import Role
from payerwatch.members.secrets import Origin, digest, new_secret
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.throttling.taking import take
from payerwatch.throttling.verdict import Verdict

DAYS = 7
_TEXT = re.compile(r"(?P<customer>cus_[a-z0-9]{1,20})\.(?P<secret>[A-Za-z0-9_-]{1,64})", re.ASCII)


class InvitationUnusable(Refusal):
    """The link was used, withdrawn, replaced, has expired, is another person's, or never was one; or who invited may
    no longer give the role."""

    def __init__(self) -> None:
        super().__init__("This invitation cannot be used.", fix="Ask for a new one.")


class TooManyInvitations(Refusal):
    """This customer's people sent too many invitations to this address, or altogether."""

    kind = Kind.TOO_MANY

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("Too many invitations were sent.", fix=f"Wait {verdict.retry_after} seconds.")
        self.verdict = verdict
        self.retry_after = verdict.retry_after


@dataclass(frozen=True)
class Invited:
    """An invitation and the text of its link, which is not stored and is only for the invited to see."""

    invitation: Invitation
    text: str


def invite(email: str, role: str, *, actor: Actor) -> Invited:
    """Invite an address to the customer entered; an earlier invitation of it is replaced. Mail goes out on commit.

    Raises EmailUnusable, RoleUnknown, RoleNotYours, AlreadyMember, TooManyInvitations or ThrottleUnavailable.
    """
    address, wanted = email_address(email), member_role(role)
    customer = hold_customer()
    refuse_unless_managed(actor, wanted)
    if Member.objects.filter(person__email=address).exists():
        raise AlreadyMember
    _count(customer, address, actor)
    replaced = _withdraw_earlier(address, actor)
    secret, now = new_secret(), timezone.now()
    invitation = Invitation.objects.create(
        email=address,
        role=wanted,
        digest=digest(secret),
        invited_by=actor.id,
        expires_at=now + timedelta(days=DAYS),
    )
    return _sent("invite", customer, invitation, secret, actor, {"replaced": replaced} if replaced else None)


def resend_invitation(invitation: Invitation, *, actor: Actor) -> Invited:
    """Send it again with a new link and seven days from now; the old link dies.

    Raises UnknownInvitation for one that was accepted or withdrawn, RoleNotYours, TooManyInvitations or
    ThrottleUnavailable.
    """
    customer = hold_customer()
    invitation = invitation_with_id(invitation.public_id)
    refuse_unless_managed(actor, Role(invitation.role))
    _count(customer, invitation.email, actor)
    secret = new_secret()
    invitation.digest = digest(secret)
    invitation.expires_at = timezone.now() + timedelta(days=DAYS)
    invitation.save(update_fields=["digest", "expires_at"])
    return _sent("resend", customer, invitation, secret, actor)


def withdraw_invitation(invitation: Invitation, *, actor: Actor) -> None:
    """Let its link die. Raises UnknownInvitation for one that was accepted or withdrawn, or RoleNotYours."""
    hold_customer()
    invitation = invitation_with_id(invitation.public_id)
    refuse_unless_managed(actor, Role(invitation.role))
    invitation.withdrawn_at = timezone.now()
    invitation.save(update_fields=["withdrawn_at"])
    record("withdraw", _thing(invitation), actor=actor)


def accept_invitation(
    text: str, *, origin: Origin, name: str = "", password: str = "", person: Person | None = None
) -> Member:
    """Become a member by the text of a link. Enters the customer itself, so it is called outside acting_in.

    1. Find the invitation, and whoever has its address already.
    2. Who is new gives a name and a password; who exists gives theirs, or is `person`, who is signed in.
    3. Take the invitation by a conditional update: of two at once one has it. Then join.

    Raises InvitationUnusable, PersonNameUnusable, PasswordUnusable, PasswordWrong, OperatorIsNoMember or AlreadyMember.
    """
    customer, invitation = _found(text)
    known = person_with_email(invitation.email)
    if known is None:
        return _accept_as_new(customer, invitation, name, password, origin)
    if person is None:
        _refuse_wrong_password(known, password, origin)
    if known.suspended_at is not None or (person is not None and person.pk != known.pk):
        raise InvitationUnusable
    with acting_in(customer):
        return _taken(invitation, known, origin)


def _refuse_wrong_password(known: Person, password: str, origin: Origin) -> None:
    """As passwords.refuse_wrong_password; a wrong one is recorded."""
    try:
        refuse_wrong_password(known, password)
    except PasswordWrong as refusal:
        nobody_known = Actor("anonymous", address=origin.address, request_id=origin.request_id)
        thing, after = Thing("person", known.public_id), {"name": known.name, "code": refusal.code}
        with transaction.atomic(durable=True):
            record_for_installation("accept", thing, actor=nobody_known, after=after, outcome="refused")
        raise


def _accept_as_new(customer: Customer, invitation: Invitation, name: str, password: str, origin: Origin) -> Member:
    proper_name = person_name(name)
    stored = password_hash(password, email=invitation.email, name=proper_name)
    try:
        with acting_in(customer):
            person = add_person(invitation.email, proper_name, stored)
            record_for_installation("add", Thing("person", person.public_id), actor=acting_person(person, origin))
            return _taken(invitation, person, origin)
    except PersonExists:  # added by another request meanwhile, such as this form sent twice
        raise InvitationUnusable from None


def _found(text: str) -> tuple[Customer, Invitation]:
    """The invitation of the text `<customer id>.<secret>` and its customer. Raises InvitationUnusable."""
    parts = _TEXT.fullmatch(text.strip())
    customer = Customer.objects.filter(public_id=parts["customer"]).first() if parts else None
    if parts is None or customer is None:
        raise InvitationUnusable
    with acting_in(customer, reading=True):
        invitation = waiting_invitations().filter(digest=digest(parts["secret"])).first()
    if invitation is None:
        raise InvitationUnusable
    return customer, invitation


def _taken(invitation: Invitation, person: Person, origin: Origin) -> Member:
    """Use the invitation up and join, in the customer entered. Raises InvitationUnusable,
    OperatorIsNoMember or AlreadyMember.
    """
    hold_customer()
    waiting = waiting_invitations().filter(pk=invitation.pk, digest=invitation.digest).order_by()
    role = Role(invitation.role)
    if invitation.invited_by and not may_still_give(invitation.invited_by, role):
        raise InvitationUnusable
    if not waiting.update(accepted_at=timezone.now()):
        raise InvitationUnusable
    member = join(person, role)
    after = {"member": member.public_id, "role": role}
    record("accept", _thing(invitation), actor=acting_person(person, origin, role), after=after)
    return member


def _count(customer: Customer, address: str, actor: Actor) -> None:
    """Keep one customer's people from flooding an address, or many. Operators at the command line are not counted.

    Raises TooManyInvitations or ThrottleUnavailable.
    """
    if actor.kind == "command":
        return
    own = customer.public_id
    verdict = take([("invitation_address", f"{own} {address}"), ("invitation_customer", own)])
    if not verdict.allowed:
        raise TooManyInvitations(verdict)


def _withdraw_earlier(address: str, actor: Actor) -> list[str]:
    """Withdraw what waits for the address; the ids. Raises RoleNotYours where the actor does not manage its role."""
    earlier = Invitation.objects.filter(email=address, accepted_at=None, withdrawn_at=None).order_by("pk")
    for each in earlier:
        refuse_unless_managed(actor, Role(each.role))
        Invitation.objects.filter(pk=each.pk).update(withdrawn_at=Now())
    return [each.public_id for each in earlier]


def _sent(
    verb: str,
    customer: Customer,
    invitation: Invitation,
    secret: str,
    actor: Actor,
    before: dict[str, list[str]] | None = None,
) -> Invited:
    text = f"{customer.public_id}.{secret}"
    mail.send_invitation(
        invitation.email,
        inviter=actor.name if actor.kind == "person" else "",
        customer=customer.name,
        role=invitation.role,
        text=text,
        days=DAYS,
        about=invitation.public_id,
    )
    after = {"email": invitation.email, "role": invitation.role}
    record(verb, _thing(invitation), actor=actor, before=before, after=after)
    return Invited(invitation, text)


def _thing(invitation: Invitation) -> Thing:
    return Thing("invitation", invitation.public_id)
