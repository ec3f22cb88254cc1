"""The second factor: an authenticator's codes (TOTP, RFC 6238), and recovery codes for when it is lost.

No code works twice, not even in two requests at once: a conditional update uses it up, and only who changed
the row passes. Wrong codes are counted by whoever asks for them.
"""

import hmac
import secrets
from dataclasses import dataclass

import pyotp
from django.db import IntegrityError, transaction
from django.utils import timezone

from payerwatch.audit.actors import Actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.members import mail
from payerwatch.members.authority import refuse_unless_operator
from payerwatch.members.guesses import counted_guess
from payerwatch.members.models import Person, RecoveryCode, SecondFactor, Session
from payerwatch.members.passwords import refuse_wrong_password
from payerwatch.members.queries import customers_of
from payerwatch.members.secrets import digest
from payerwatch.members.sessions import end_sessions_of
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.keys import seal_secret, unseal_secret
from payerwatch.tenancy.conflicts import violates

STEP_SECONDS = 30
STEPS_OF_GRACE = 1  # before and after now, for clocks that differ
DIGITS = 6
ISSUER = "Payerwatch"
RECOVERY_CODES = 10

SECRET_PURPOSE = "second factor"
# 32 letters, so 24 of them are 120 bits: with 112 or more a plain digest is enough to store (NIST SP 800-63B, 5.1.2.2).
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, without i, l, o and u
_CODE_LENGTH, _GROUP = 24, 6


class SecondFactorExists(Refusal):
    """There is a second factor already; it must be disabled before another is set up."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("A second factor is set up already.", fix="Disable it first, with the password and a code.")


class NoSecondFactor(Refusal):
    """No second factor is set up, or its set-up was not begun."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__("No second factor is set up.", fix="Begin by setting one up.")


class SecondFactorKept(Refusal):
    """A customer of the person requires a second factor, so theirs stays."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "One of your customers requires a second factor.", fix="Keep it, or ask an owner there to require none."
        )


class CodeWrong(Refusal):
    """The code is wrong, too old, or was used before."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__(
            "The code is wrong or was used before.", where="code", fix="Wait for the next code, or use a recovery code."
        )


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator needs, shown once: the secret in base32, and an otpauth address of it for a QR code."""

    secret: str
    uri: str


def has_second_factor(person: Person) -> bool:
    return SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).exists()


def recovery_codes_left(person: Person) -> int:
    return RecoveryCode.objects.filter(person=person, used_at=None).count()


def start_second_factor(person: Person, *, password: str, actor: Actor) -> Enrolment:
    """Begin to set one up, anew if it was begun before, with the password: it counts once confirmed.

    Raises PasswordWrong or SecondFactorExists.
    """
    refuse_wrong_password(person, password)
    secret = pyotp.random_base32()
    sealed = seal_secret(secret, SECRET_PURPOSE)
    try:
        with transaction.atomic():
            begun = SecondFactor.objects.filter(person=person, confirmed_at=None)
            if not begun.update(secret=sealed, last_step=0, created_at=timezone.now()):
                SecondFactor.objects.create(person=person, secret=sealed)
            record_for_installation("start_second_factor", _thing(person), actor=actor)
    except IntegrityError as error:
        if not violates(error, "members_secondfactor_person_id_key"):
            raise
        raise SecondFactorExists from None
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=ISSUER))


def confirm_second_factor(person: Person, code: str, *, actor: Actor, keeping: Session | None = None) -> list[str]:
    """Switch it on by a first code; the recovery codes, which are not shown again. Sessions but the one named end.

    Raises NoSecondFactor, SecondFactorExists or CodeWrong.
    """
    begun = SecondFactor.objects.filter(person=person).first()
    if begun is None:
        raise NoSecondFactor
    if begun.confirmed_at is not None:
        raise SecondFactorExists
    with counted_guess(person):
        steps = _steps_of(begun, code)
        if not steps:
            raise CodeWrong
    with transaction.atomic():
        same = SecondFactor.objects.filter(pk=begun.pk, secret=begun.secret, confirmed_at=None)
        if not same.update(confirmed_at=timezone.now(), last_step=steps[-1]):
            raise SecondFactorExists
        codes = _replace_recovery_codes(person)
        mail.send_second_factor_changed(person.email, now_on=True, about=person.public_id)
        end_sessions_of(person, because="second_factor_changed", actor=actor, except_for=keeping)
        record_for_installation("enable_second_factor", _thing(person), actor=actor)
    return codes


def check_code(person: Person, code: str) -> bool:
    """Whether the code is the authenticator's or a recovery code, used up by this. False without a second factor."""
    factor = SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).first()
    if factor is None:
        return False
    typed = "".join(code.split()).replace("-", "").lower()
    if len(typed) == DIGITS:
        return _use_step(factor, typed)
    return _use_recovery_code(person, typed)


def disable_second_factor(
    person: Person, *, password: str, code: str, actor: Actor, keeping: Session | None = None
) -> None:
    """Switch it off, with the password and a code. Sessions end but the one named, which is one without it now.

    Raises SecondFactorKept, PasswordWrong, NoSecondFactor or CodeWrong.
    """
    if customers_of(person).filter(second_factor_required=True).exists():
        raise SecondFactorKept
    refuse_wrong_password(person, password)
    with transaction.atomic():
        _refuse_wrong_code(person, code)
        _drop(person)
        Session.objects.filter(person=person).update(with_second_factor=False)
        end_sessions_of(person, because="second_factor_changed", actor=actor, except_for=keeping)
        record_for_installation("disable_second_factor", _thing(person), actor=actor)


def new_recovery_codes(person: Person, *, code: str, actor: Actor) -> list[str]:
    """Ten others in place of those there are, with a code. Raises NoSecondFactor or CodeWrong."""
    with transaction.atomic():
        _refuse_wrong_code(person, code)
        codes = _replace_recovery_codes(person)
        record_for_installation("renew_recovery_codes", _thing(person), actor=actor)
    return codes


def reset_second_factor(person: Person, *, actor: Actor) -> None:
    """Take a lost second factor away from someone, as an operator; their sessions end.

    Raises OperatorsOnly or NoSecondFactor.
    """
    refuse_unless_operator(actor)
    with transaction.atomic():
        if not _drop(person):
            raise NoSecondFactor
        end_sessions_of(person, because="second_factor_changed", actor=actor)
        record_for_installation("reset_second_factor", _thing(person), actor=actor)


def _refuse_wrong_code(person: Person, code: str) -> None:
    """Raises NoSecondFactor, CodeWrong or TooManyGuesses; a right one is used up."""
    if not has_second_factor(person):
        raise NoSecondFactor
    with counted_guess(person):
        if not check_code(person, code):
            raise CodeWrong


def _steps_of(factor: SecondFactor, code: str) -> list[int]:
    """The time steps around now whose code this is, oldest first; nearly always one or none."""
    totp = pyotp.TOTP(unseal_secret(factor.secret, SECRET_PURPOSE), digits=DIGITS, interval=STEP_SECONDS)
    now = int(timezone.now().timestamp()) // STEP_SECONDS
    around = range(now - STEPS_OF_GRACE, now + STEPS_OF_GRACE + 1)
    typed = "".join(code.split()).encode("utf-8", "replace")
    return [step for step in around if hmac.compare_digest(totp.generate_otp(step).encode(), typed)]


def _use_step(factor: SecondFactor, code: str) -> bool:
    """Whether the code is of a step after the last used, which it now is. The update decides between two at once."""
    for step in _steps_of(factor, code):
        if SecondFactor.objects.filter(pk=factor.pk, secret=factor.secret, last_step__lt=step).update(last_step=step):
            return True
    return False


def _use_recovery_code(person: Person, typed: str) -> bool:
    unused = RecoveryCode.objects.filter(person=person, digest=_digest(person, typed), used_at=None)
    return unused.update(used_at=timezone.now()) == 1


def _replace_recovery_codes(person: Person) -> list[str]:
    """Ten new codes as shown, in groups of six letters."""
    RecoveryCode.objects.filter(person=person).delete()
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(person=person, digest=_digest(person, code)) for code in codes)
    return ["-".join(code[start : start + _GROUP] for start in range(0, _CODE_LENGTH, _GROUP)) for code in codes]


def _digest(person: Person, code: str) -> str:
    return digest(f"{person.public_id} {code}")


def _drop(person: Person) -> bool:
    """Remove the second factor and its recovery codes, and tell the person. False where there was none."""
    removed, _ = SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).delete()
    RecoveryCode.objects.filter(person=person).delete()
    if removed:
        mail.send_second_factor_changed(person.email, now_on=False, about=person.public_id)
    return bool(removed)


def _thing(person: Person) -> Thing:
    return Thing("person", person.public_id)
