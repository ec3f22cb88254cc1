"""How often one may try to sign in, and that nobody can be locked out of a device that knows them."""

import os
from collections import Counter
from datetime import timedelta

import pyotp
import pytest
from django.utils import timezone

from payerwatch.audit.models import InstallationEntry
from payerwatch.members import devices
from payerwatch.members import sign_in as signing_in
from payerwatch.members.devices import device_cookie, known_device
from payerwatch.members.models import Person, Session
from payerwatch.members.second_factor import confirm_second_factor, start_second_factor
from payerwatch.members.secrets import new_secret
from payerwatch.members.sign_in import SecondFactorNeeded, SignInRefused, TooManySignIns
from payerwatch.members.signing import Purpose, sign
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.taking import take
from tests import make
from tests.members import credentials
from tests.members.credentials import PASSWORD, signed_in

pytestmark = pytest.mark.django_db
SPRAYED = 1000 if os.environ.get("PAYERWATCH_PROOF") == "full" else 350


def outcome(who: Person, password: str = "wrong", **options: object) -> str:
    try:
        signed_in(who, password, **options)
    except (SignInRefused, TooManySignIns, SecondFactorNeeded) as refusal:
        return refusal.code
    return "signed_in"


def address(number: int) -> str:
    """Each in a network of its own."""
    return f"198.{16 + number // 256}.{number % 256}.1"


def guess_until_braked(who: Person, *, start: int = 0) -> int:
    """Wrong passwords from an address each; how many were tried before the brake."""
    for number in range(200):
        if outcome(who, address=address(start + number)) == "too_many_sign_ins":
            return number
    raise AssertionError("Never braked.")


@pytest.mark.parametrize("known", [True, False])
def test_an_account_known_or_not_is_tried_5_times_in_15_minutes_from_wherever(known):
    who = credentials.person() if known else Person(email="nobody@example.com")
    assert guess_until_braked(who) == 5


def test_from_one_address_5_accounts_are_tried_in_15_minutes():
    tried = Counter(outcome(Person(email=f"{number}@example.com")) for number in range(20))
    assert tried == {"sign_in_refused": 5, "too_many_sign_ins": 15}


def test_beyond_the_limit_the_right_password_is_refused_too():
    who = credentials.person()
    guess_until_braked(who)
    assert outcome(who, PASSWORD, address="203.0.113.1") == "too_many_sign_ins"


def test_the_refusal_says_when_to_come_back():
    who = credentials.person()
    guess_until_braked(who)
    with pytest.raises(TooManySignIns) as refused:
        signed_in(who)
    assert 0 < refused.value.retry_after == refused.value.verdict.retry_after <= 15 * 60
    assert not refused.value.verdict.allowed


def test_what_is_braked_verifies_no_password_and_leaves_no_entry(monkeypatch):
    who = credentials.person()
    guess_until_braked(who)
    before = InstallationEntry.objects.count()
    monkeypatch.setattr(signing_in, "password_matches", None)
    assert outcome(who) == "too_many_sign_ins"
    assert InstallationEntry.objects.count() == before


@pytest.mark.proof
def test_one_password_tried_on_1000_accounts_from_as_many_addresses_is_braked():
    for number in range(10):
        credentials.person(f"member{number}")
    emails = [*Person.objects.values_list("email", flat=True), *(f"{number}@example.com" for number in range(990))]
    tried = Counter(outcome(Person(email=email), address=address(n)) for n, email in enumerate(emails[:SPRAYED]))
    assert tried == {"sign_in_refused": 300, "too_many_sign_ins": SPRAYED - 300}


def test_a_right_password_counts_for_nothing():
    who = credentials.person()
    assert [outcome(who, PASSWORD) for _ in range(12)] == ["signed_in"] * 12


def test_a_right_password_does_not_wipe_out_the_guesses_before_it():
    who = credentials.person()
    assert [outcome(who) for _ in range(4)] == ["sign_in_refused"] * 4
    assert outcome(who, PASSWORD) == "signed_in"
    assert [outcome(who) for _ in range(2)] == ["sign_in_refused", "too_many_sign_ins"]


def test_codes_are_guessed_5_times_and_asking_for_one_is_no_guess():
    who = credentials.person()
    totp = pyotp.TOTP(start_second_factor(who, password=PASSWORD, actor=make.ACTOR).secret)
    confirm_second_factor(who, totp.now(), actor=make.ACTOR)
    assert [outcome(who, PASSWORD) for _ in range(8)] == ["second_factor_needed"] * 8
    tried = [outcome(who, PASSWORD, code="x" * 6, address=address(number)) for number in range(6)]
    assert tried == ["sign_in_refused"] * 5 + ["too_many_sign_ins"]


def test_while_the_counts_cannot_be_reached_nobody_signs_in(monkeypatch):
    def unreachable(*_: object) -> None:
        raise ThrottleUnavailable("The counts do not answer.")

    monkeypatch.setattr(signing_in, "take", unreachable)
    with pytest.raises(ThrottleUnavailable):
        signed_in(credentials.person())


def test_who_is_in_stays_in_where_giving_back_fails(monkeypatch):
    def unreachable(*_: object) -> None:
        raise ThrottleUnavailable("The counts do not answer.")

    monkeypatch.setattr(signing_in, "give_back", unreachable)
    assert signed_in(credentials.person()).session


def use_up_everywhere() -> None:
    for _ in range(300):
        take([("sign_in_everywhere", signing_in.EVERYWHERE)])


@pytest.mark.parametrize(
    ("network", "beside"), [("2001:db8:1:{:x}::7", "2001:db8:2::1"), ("203.0.113.{}", "203.0.112.1")]
)
def test_one_network_is_braked_before_it_brakes_all(network: str, beside: str):
    tried = [outcome(Person(email=f"{n}@example.com"), address=network.format(n + 1)) for n in range(25)]
    assert tried == ["sign_in_refused"] * 20 + ["too_many_sign_ins"] * 5
    assert outcome(credentials.person(), PASSWORD, address=beside) == "signed_in"


@pytest.mark.parametrize(
    ("before", "now", "passes"),
    [
        ("203.0.113.1", "203.0.113.1", True),
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("", "", False),
    ],
)
def test_who_signed_in_from_an_address_passes_the_brake_there(before: str, now: str, passes: bool):
    who = credentials.person()
    assert outcome(who, PASSWORD, address=before) == "signed_in"
    use_up_everywhere()
    assert outcome(credentials.person("Bob"), PASSWORD, address=now) == "too_many_sign_ins"
    assert outcome(who, PASSWORD, address=now) == ("signed_in" if passes else "too_many_sign_ins")


def test_an_address_nobody_signed_in_from_for_30_days_is_as_strange_as_any():
    who = credentials.person()
    assert outcome(who, PASSWORD) == "signed_in"
    Session.objects.update(created_at=timezone.now() - timedelta(days=30, seconds=1))
    use_up_everywhere()
    assert outcome(who, PASSWORD) == "too_many_sign_ins"


def test_from_a_familiar_address_5_are_tried_all_the_same():
    who = credentials.person()
    assert outcome(who, PASSWORD) == "signed_in"
    assert [outcome(who) for _ in range(6)] == ["sign_in_refused"] * 5 + ["too_many_sign_ins"]


# Known devices


def test_guesses_from_elsewhere_lock_nobody_out_of_a_device_that_knows_them():
    who = credentials.person()
    device = signed_in(who).device
    guess_until_braked(who)
    assert outcome(who, PASSWORD, address="203.0.113.1") == "too_many_sign_ins"
    assert outcome(who, PASSWORD, address="203.0.113.1", device=device) == "signed_in"


def test_spraying_locks_nobody_out_of_a_device_that_knows_them():
    who = credentials.person()
    device = signed_in(who).device
    use_up_everywhere()
    assert outcome(who, PASSWORD, address="203.0.113.1") == "too_many_sign_ins"
    assert outcome(who, PASSWORD, address="203.0.113.1", device=device) == "signed_in"


def test_a_known_device_guesses_5_times_too_whatever_its_address():
    who = credentials.person()
    device = signed_in(who).device
    tried = [outcome(who, device=device, address=address(number)) for number in range(6)]
    assert tried == ["sign_in_refused"] * 5 + ["too_many_sign_ins"]
    assert outcome(who, PASSWORD, address="203.0.113.1") == "signed_in"


def test_signing_in_again_gives_a_device_no_new_count():
    who = credentials.person()
    device = signed_in(who).device
    identity = known_device(device, who.public_id)
    assert known_device(signed_in(who, device=device).device, who.public_id) == identity
    assert known_device(signed_in(who).device, who.public_id) != identity


def test_a_device_known_for_another_person_is_a_stranger():
    who, other = credentials.person(), credentials.person("Bob")
    others_device = signed_in(other).device
    guess_until_braked(who)
    assert outcome(who, PASSWORD, address="203.0.113.1", device=others_device) == "too_many_sign_ins"


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "\ud800"])
def test_a_cookie_that_was_not_given_makes_no_device_known(cookie):
    assert known_device(cookie, credentials.person().public_id) == ""


def test_a_device_nobody_signed_in_from_for_half_a_year_is_forgotten():
    who = credentials.person()
    old = sign(Purpose.DEVICE, timezone.now() - timedelta(seconds=30), sub=who.public_id, jti=new_secret())
    assert known_device(old, who.public_id) == ""
    assert timedelta(days=180) == devices.DEVICE_LIFETIME


def test_an_unknown_account_with_no_id_matches_no_device():
    """An account that does not exist has the empty id, which no cookie is made for."""
    assert known_device(device_cookie(credentials.person(), ""), "") == ""
