"""Choosing a new password by a link in a message: once, within an hour.

Who asks learns nothing: every address is put before the same worker, which alone looks whether anybody has it.
"""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.jobs.background import BackgroundWorker
from payerwatch.members import mail
from payerwatch.members.email_addresses import email_address
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.models import PasswordReset, Person
from payerwatch.members.passwords import password_hash, replace_password
from payerwatch.members.people import acting_person
from payerwatch.members.secrets import Origin, digest, new_secret
from payerwatch.refusals import Refusal
from payerwatch.throttling.client_address import throttle_key
from payerwatch.throttling.taking import take

LIFETIME = timedelta(hours=1)
MOST_WAITING = 1000

worker = BackgroundWorker("password reset", most=MOST_WAITING)


class ResetLinkUnusable(Refusal):
    """The link was used, has expired, died with a change of the password, or never was one."""

    def __init__(self) -> None:
        super().__init__("This link cannot be used.", fix="Ask for a new one.")


def request_password_reset(email: str, *, origin: Origin) -> None:
    """Mail whoever has the address a link, later and unseen.

    Raises EmailUnusable, TooManyGuesses or ThrottleUnavailable, which say nothing of whether anybody has it.
    """
    address = email_address(email)
    verdict = take([("password_reset_address", throttle_key(origin.address))])
    if not verdict.allowed:
        raise TooManyGuesses(verdict)
    worker.do(partial(send_link, address, origin))


def send_link(email: str, origin: Origin) -> None:
    """Mail a link to whoever has the address, unless they are suspended or were sent enough for now."""
    person = Person.objects.filter(email=email, suspended_at=None).first()
    if person is None or not take([("password_reset_account", person.public_id)]).allowed:
        return
    with transaction.atomic():
        _hold(person)
        now, secret = timezone.now(), new_secret()
        PasswordReset.objects.create(person=person, digest=digest(secret), expires_at=now + LIFETIME)
        mail.send_password_reset(person.email, text=secret, about=person.public_id)
        nobody_known = Actor("anonymous", address=origin.address, request_id=origin.request_id)
        record_for_installation("request_reset", Thing("person", person.public_id), actor=nobody_known)


def reset_password(text: str, new_password: str, *, origin: Origin) -> Person:
    """Store a new password by the text of a link; all sessions end and other links die.

    Of two at once with one link, one wins. Raises ResetLinkUnusable or PasswordUnusable.
    """
    link = _live(text).select_related("person").first()
    if link is None:
        raise ResetLinkUnusable
    stored = password_hash(new_password, email=link.person.email, name=link.person.name)
    with transaction.atomic():
        person = _hold(link.person)
        if not _live(text).update(used_at=timezone.now()):
            raise ResetLinkUnusable
        actor = acting_person(person, origin)
        replace_password(person, stored, because="password_reset", actor=actor)
        record_for_installation("reset_password", Thing("person", person.public_id), actor=actor)
    return person


def _hold(person: Person) -> Person:
    """The person as they are now, held: two links of one person are not used at once."""
    return Person.objects.select_for_update(no_key=True).get(pk=person.pk)


def _live(text: str) -> QuerySet[PasswordReset]:
    """The link of this text if it can be used now."""
    return PasswordReset.objects.filter(
        digest=digest(text.strip()), used_at=None, expires_at__gt=timezone.now(), person__suspended_at=None
    )
