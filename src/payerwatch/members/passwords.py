"""Passwords: what may be one, how it is stored (Argon2id, RFC 9106), and changing it."""

import unicodedata
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.members import mail
from payerwatch.members.guesses import counted_guess
from payerwatch.members.models import PasswordReset, Person, Session
from payerwatch.members.sessions import Because, end_sessions_of
from payerwatch.refusals import Kind, Refusal


class PasswordUnusable(Refusal):
    """A new password was too short, too long, among the common ones, all digits, or like the name or address."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(
            " ".join(reasons), where="password", fix="Choose another; a few unrelated words make a good one."
        )
        self.reasons = reasons


class PasswordWrong(Refusal):
    """The password given to confirm who asks is not theirs."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__(
            "The password is wrong.", where="password", fix="Try again, or ask for a link to choose a new one."
        )


def password_hash(password: str, *, email: str, name: str) -> str:
    """The hash to store of a new password, after checking that it may be one. Raises PasswordUnusable."""
    if not _hashable(password):
        raise PasswordUnusable(
            [f"A password has at most {settings.LONGEST_PASSWORD} characters, all of them printable."]
        )
    try:
        validate_password(password, user=cast(Any, Person(email=email, name=name)))
    except ValidationError as error:
        raise PasswordUnusable(list(error.messages)) from None
    return make_password(password)


def password_matches(password: str, stored: str) -> bool:
    """Whether this is the password of the hash. It takes the same time for an empty hash as for a wrong password."""
    if not _hashable(password):
        return False
    if not stored:
        make_password(password)
        return False
    return check_password(password, stored)


def renew_hash(person: Person, password: str) -> None:
    """Hash a password that was just right as passwords are hashed now, if it was chosen when they were otherwise."""
    if identify_hasher(person.password).must_update(person.password):
        Person.objects.filter(pk=person.pk, password=person.password).update(password=make_password(password))


def refuse_wrong_password(person: Person, password: str) -> None:
    """Raises PasswordWrong, or TooManyGuesses or ThrottleUnavailable where it is not even looked at."""
    with counted_guess(person):
        if not password_matches(password, person.password):
            raise PasswordWrong


def change_password(person: Person, current: str, new: str, *, actor: Actor, keeping: Session | None = None) -> None:
    """Give oneself another password; all sessions but the one named end. Raises PasswordWrong or PasswordUnusable."""
    refuse_wrong_password(person, current)
    stored = password_hash(new, email=person.email, name=person.name)
    with transaction.atomic():
        held = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if held.password != person.password:  # changed by another request since it was checked
            raise PasswordWrong
        replace_password(held, stored, because="password_changed", actor=actor, keeping=keeping)
        record_for_installation("change_password", Thing("person", person.public_id), actor=actor)
    person.password, person.password_changed_at = held.password, held.password_changed_at


def replace_password(
    person: Person, stored: str, *, because: Because, actor: Actor, keeping: Session | None = None
) -> None:
    """Store a new hash for a person whose row is held: sessions end, links for a new password die, mail tells them."""
    now = timezone.now()
    person.password, person.password_changed_at = stored, now
    person.save(update_fields=["password", "password_changed_at"])
    PasswordReset.objects.filter(person=person, used_at=None).update(used_at=now)
    end_sessions_of(person, because=because, actor=actor, except_for=keeping)
    mail.send_password_changed(person.email, about=person.public_id)


def _hashable(password: str) -> bool:
    """Short enough to be hashed at a bounded cost, and text that has bytes."""
    if len(password) > settings.LONGEST_PASSWORD:
        return False
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in password)
