"""Second factors: set up, used, no code twice, switched off, taken away by an operator."""

import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from payerwatch.members import second_factor
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.models import Person, RecoveryCode, SecondFactor, Session
from payerwatch.members.passwords import PasswordWrong
from payerwatch.members.second_factor import (
    CodeWrong,
    NoSecondFactor,
    SecondFactorExists,
    SecondFactorKept,
    check_code,
    confirm_second_factor,
    disable_second_factor,
    has_second_factor,
    new_recovery_codes,
    recovery_codes_left,
    reset_second_factor,
    start_second_factor,
)
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR, customer
from tests.members.credentials import PASSWORD, person, session
from tests.members.places import place, verbs_of_installation

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def forward(self, steps: int) -> None:
        self.at += timedelta(seconds=30 * steps)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(second_factor, "timezone", clock)
    return clock


class Phone:
    """A person's authenticator, set up, and the recovery codes they were shown."""

    def __init__(self, who: Person, clock: Clock) -> None:
        self._clock = clock
        self._totp = pyotp.TOTP(start_second_factor(who, password=PASSWORD, actor=ACTOR).secret)
        self.recovery_codes = confirm_second_factor(who, self.code(), actor=ACTOR)

    def code(self, steps_away: int = 0) -> str:
        return self._totp.at(self._clock.at + timedelta(seconds=30 * steps_away))


@pytest.fixture
def ada() -> Person:
    return person("Ada")


@pytest.fixture
def phone(ada: Person, clock: Clock) -> Phone:
    phone = Phone(ada, clock)
    clock.forward(5)
    return phone


def test_an_authenticator_can_read_the_address(ada: Person):
    begun = start_second_factor(ada, password=PASSWORD, actor=ACTOR)
    parts = urlsplit(begun.uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [begun.secret], "issuer": ["Payerwatch"]}
    assert len(begun.secret) * 5 >= 160


def test_the_secret_is_sealed_where_it_is_stored(ada: Person):
    begun = start_second_factor(ada, password=PASSWORD, actor=ACTOR)
    assert begun.secret not in SecondFactor.objects.get().secret


def test_it_counts_only_once_it_is_confirmed(ada: Person, clock: Clock):
    begun = start_second_factor(ada, password=PASSWORD, actor=ACTOR)
    code = pyotp.TOTP(begun.secret).at(clock.at)
    assert not has_second_factor(ada)
    assert not check_code(ada, code)
    with pytest.raises(CodeWrong):
        confirm_second_factor(ada, "000000" if code != "000000" else "000001", actor=ACTOR)
    confirm_second_factor(ada, f"{code[:3]} {code[3:]}", actor=ACTOR)
    assert has_second_factor(ada)
    assert not check_code(ada, code), "the code that confirmed it was used by that"
    assert verbs_of_installation(ada.public_id) == ["start_second_factor", "enable_second_factor"]


def test_begun_again_before_it_is_confirmed_the_last_secret_counts(ada: Person, clock: Clock):
    first, last = (
        start_second_factor(ada, password=PASSWORD, actor=ACTOR),
        start_second_factor(ada, password=PASSWORD, actor=ACTOR),
    )
    with pytest.raises(CodeWrong):
        confirm_second_factor(ada, pyotp.TOTP(first.secret).at(clock.at), actor=ACTOR)
    assert confirm_second_factor(ada, pyotp.TOTP(last.secret).at(clock.at), actor=ACTOR)


def test_one_that_counts_is_not_replaced_nor_confirmed_again(ada: Person, phone: Phone):
    with pytest.raises(SecondFactorExists):
        start_second_factor(ada, password=PASSWORD, actor=ACTOR)
    with pytest.raises(SecondFactorExists):
        confirm_second_factor(ada, phone.code(), actor=ACTOR)
    assert check_code(ada, phone.code())


def test_confirmed_by_two_requests_at_once_it_is_confirmed_by_one(ada, clock, monkeypatch):
    code = pyotp.TOTP(start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret).at(clock.at)
    look = second_factor._steps_of

    def look_and_be_overtaken(factor: SecondFactor, typed: str) -> list[int]:
        monkeypatch.setattr(second_factor, "_steps_of", look)
        confirm_second_factor(ada, code, actor=ACTOR)
        return look(factor, typed)

    monkeypatch.setattr(second_factor, "_steps_of", look_and_be_overtaken)
    with pytest.raises(SecondFactorExists):
        confirm_second_factor(ada, code, actor=ACTOR)


def test_confirmed_while_it_is_begun_anew_the_old_secret_does_not_count(ada, clock, monkeypatch):
    code = pyotp.TOTP(start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret).at(clock.at)
    look = second_factor._steps_of

    def look_and_begin_anew(factor: SecondFactor, typed: str) -> list[int]:
        start_second_factor(ada, password=PASSWORD, actor=ACTOR)
        return look(factor, typed)

    monkeypatch.setattr(second_factor, "_steps_of", look_and_begin_anew)
    with pytest.raises(SecondFactorExists):
        confirm_second_factor(ada, code, actor=ACTOR)
    assert not has_second_factor(ada)


def test_it_is_begun_with_the_password_alone(ada: Person):
    with pytest.raises(PasswordWrong):
        start_second_factor(ada, password="another's session", actor=ACTOR)
    assert not SecondFactor.objects.exists()
    assert verbs_of_installation(ada.public_id) == []


def test_passwords_are_not_guessed_by_beginning_it(ada: Person):
    for _ in range(5):
        with pytest.raises(PasswordWrong):
            start_second_factor(ada, password="a guess", actor=ACTOR)
    with pytest.raises(TooManyGuesses):
        start_second_factor(ada, password=PASSWORD, actor=ACTOR)


def ended(of: Session) -> str:
    of.refresh_from_db()
    return of.ended_because


def test_switched_on_the_other_sessions_end(ada: Person, clock: Clock):
    here, elsewhere = session(ada)[0], session(ada)[0]
    code = pyotp.TOTP(start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret).at(clock.at)
    confirm_second_factor(ada, code, actor=ACTOR, keeping=here)
    assert (ended(here), ended(elsewhere)) == ("", "second_factor_changed")


def test_switched_off_the_other_sessions_end_and_this_one_counts_as_one_without(ada: Person, phone: Phone):
    here, elsewhere = session(ada)[0], session(ada)[0]
    Session.objects.update(with_second_factor=True)
    disable_second_factor(ada, password=PASSWORD, code=phone.code(), actor=ACTOR, keeping=here)
    assert (ended(here), ended(elsewhere)) == ("", "second_factor_changed")
    assert not here.with_second_factor


def test_it_stays_while_any_customer_of_the_person_requires_one(ada: Person, phone: Phone):
    for name in ("lenient", "strict"):
        place(customer(name), of=ada)
    Customer.objects.filter(name="strict").update(second_factor_required=True)
    customer("strict elsewhere")
    code = phone.code()
    with pytest.raises(SecondFactorKept):
        disable_second_factor(ada, password=PASSWORD, code=code, actor=ACTOR)
    assert has_second_factor(ada)
    Customer.objects.filter(name="strict").update(second_factor_required=False)
    Customer.objects.filter(name="strict elsewhere").update(second_factor_required=True)
    disable_second_factor(ada, password=PASSWORD, code=code, actor=ACTOR)


def test_nothing_begun_cannot_be_confirmed(ada: Person):
    with pytest.raises(NoSecondFactor):
        confirm_second_factor(ada, "123456", actor=ACTOR)


@pytest.mark.parametrize(("steps_away", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_one_step(ada: Person, phone: Phone, steps_away: int, accepted: bool):
    assert check_code(ada, phone.code(steps_away)) == accepted


def test_no_code_works_twice_and_none_before_the_last_used(ada: Person, phone: Phone, clock: Clock):
    code = phone.code()
    assert check_code(ada, code)
    assert not check_code(ada, code)
    assert not check_code(ada, phone.code(-1))
    clock.forward(1)
    assert not check_code(ada, code)
    assert check_code(ada, phone.code())


def test_another_persons_code_is_wrong(ada: Person, phone: Phone, clock: Clock):
    other = Phone(person("Eve"), clock)
    clock.forward(2)
    assert not check_code(ada, other.code()) or other.code() == phone.code()
    assert not check_code(ada, other.recovery_codes[0])


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "１２３４５６", "\x00" * 6, "\ud800" * 6, "9" * 5000]
)
def test_garbage_is_wrong(ada: Person, phone: Phone, code: str):
    assert not check_code(ada, code)


def test_ten_recovery_codes_work_once_each_however_they_are_typed(ada: Person, phone: Phone):
    codes = phone.recovery_codes
    assert len(set(codes)) == 10
    assert check_code(ada, codes[0])
    assert not check_code(ada, codes[0])
    assert check_code(ada, codes[1].upper().replace("-", " "))
    assert recovery_codes_left(ada) == 8
    assert all(check_code(ada, code) for code in codes[2:])
    assert recovery_codes_left(ada) == 0


def test_recovery_codes_are_long_and_stored_as_digests(ada: Person, phone: Phone):
    assert all(len(code.replace("-", "")) * 5 >= 112 for code in phone.recovery_codes)
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))
    plain = phone.recovery_codes[0].replace("-", "")
    assert hashlib.sha256(f"{ada.public_id} {plain}".encode()).hexdigest() in stored
    assert not stored & set(phone.recovery_codes)


def test_new_recovery_codes_need_a_code_and_replace_the_old(ada: Person, phone: Phone):
    with pytest.raises(CodeWrong):
        new_recovery_codes(ada, code="wrong", actor=ACTOR)
    codes = new_recovery_codes(ada, code=phone.code(), actor=ACTOR)
    assert not check_code(ada, phone.recovery_codes[0])
    assert check_code(ada, codes[0])
    assert recovery_codes_left(ada) == 9


def test_switching_it_off_needs_password_and_code(ada: Person, phone: Phone):
    with pytest.raises(PasswordWrong):
        disable_second_factor(ada, password="wrong", code=phone.code(), actor=ACTOR)
    with pytest.raises(CodeWrong):
        disable_second_factor(ada, password=PASSWORD, code="wrong", actor=ACTOR)
    assert has_second_factor(ada)
    disable_second_factor(ada, password=PASSWORD, code=phone.code(), actor=ACTOR)
    assert not has_second_factor(ada)
    assert not RecoveryCode.objects.exists()
    assert verbs_of_installation(ada.public_id)[-1] == "disable_second_factor"
    with pytest.raises(NoSecondFactor):
        disable_second_factor(ada, password=PASSWORD, code=phone.code(), actor=ACTOR)


def test_a_code_cannot_be_guessed_where_it_confirms(ada: Person, phone: Phone):
    for _ in range(5):
        with pytest.raises(CodeWrong):
            new_recovery_codes(ada, code="wrong", actor=ACTOR)
    with pytest.raises(TooManyGuesses):
        new_recovery_codes(ada, code=phone.code(), actor=ACTOR)


def test_an_operator_takes_a_lost_one_away_and_the_sessions_end(
    ada, phone, mailoutbox, django_capture_on_commit_callbacks
):
    session(ada)
    with django_capture_on_commit_callbacks(execute=True):
        reset_second_factor(ada, actor=ACTOR)
    assert not has_second_factor(ada)
    assert not check_code(ada, phone.recovery_codes[0])
    assert Session.objects.get().ended_because == "second_factor_changed"
    assert verbs_of_installation(ada.public_id)[-1] == "reset_second_factor"
    assert [message.to for message in mailoutbox] == [[ada.email]]
    assert start_second_factor(ada, password=PASSWORD, actor=ACTOR).secret
