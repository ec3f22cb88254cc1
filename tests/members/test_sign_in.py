"""Signing in: what it gives, what it refuses, and that a refusal tells nothing."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.members import sign_in as signing_in
from payerwatch.members.models import Member, Person, PersonCustomer, Session
from payerwatch.members.passwords import password_matches
from payerwatch.members.second_factor import confirm_second_factor, start_second_factor
from payerwatch.members.sessions import CustomerNotOpen, cookie_of, find_session, read_cookie
from payerwatch.members.sign_in import SecondFactorNeeded, SignInRefused, TooManySignIns, sign_in
from payerwatch.members.tokens import read_access
from payerwatch.tenancy.context import acting_in
from tests import make
from tests.members import credentials
from tests.members.credentials import PASSWORD, signed_in

pytestmark = pytest.mark.django_db
BROWSER, PROGRAM = Session.Kind.BROWSER, Session.Kind.PROGRAM


def nobody() -> Person:
    """A person who is not in the database."""
    return Person(email="nobody@example.com", name="Nobody")


def suspended() -> Person:
    return credentials.person(suspended_at=timezone.now())


def without_password() -> Person:
    return credentials.person(password=None)


ACCOUNTS: dict[str, Callable[[], Person]] = {
    "unknown": nobody,
    "known": credentials.person,
    "suspended": suspended,
    "passwordless": without_password,
}


def refusal_of(who: Person, password: str = "wrong " * 3, **options: object) -> SignInRefused:
    with pytest.raises(SignInRefused) as refused:
        signed_in(who, password, **options)
    return refused.value


def with_authenticator(who: Person) -> tuple[pyotp.TOTP, list[str]]:
    """Set one up; the code of the step before is then used up."""
    totp = pyotp.TOTP(start_second_factor(who, password=PASSWORD, actor=make.ACTOR).secret)
    now = timezone.now()
    with pytest.MonkeyPatch.context() as patched:  # else the step may end meanwhile, and the code with it
        patched.setattr(timezone, "now", lambda: now)
        return totp, confirm_second_factor(who, totp.at(now - timedelta(seconds=30)), actor=make.ACTOR)


def last_entries(count: int) -> list[InstallationEntry]:
    return list(InstallationEntry.objects.order_by("-position")[:count])


# What it gives


def test_a_member_of_one_customer_acts_in_it():
    customer = make.customer()
    done = signed_in(credentials.member(customer, "viewer"))
    assert (done.customer, done.choices, done.tokens) == (customer, (customer,), None)
    customer_id, secret = read_cookie(cookie_of(done.session, done.secret))
    with acting_in(customer_id):
        assert find_session(customer_id, timezone.now(), digest=secret).role == "viewer"


def test_a_member_of_several_customers_is_given_the_choice():
    own, other = make.customer("Own"), make.customer("Other")
    who = credentials.member(own)
    credentials.member(other, of=who)
    undecided = signed_in(who)
    assert (undecided.customer, set(undecided.choices)) == (None, {own, other})
    assert signed_in(who, customer_public_id=other.public_id).customer == other


def test_who_has_no_customer_is_signed_in_without():
    done = signed_in(credentials.person(is_operator=True))
    assert (done.customer, done.choices, done.session.customer) == (None, (), None)


@pytest.mark.parametrize("named", ["another's", "unknown", ""])
def test_a_customer_that_is_not_theirs_is_not_entered(named):
    other = make.customer("Other")
    who = credentials.member(make.customer("Own"))
    with pytest.raises(CustomerNotOpen):
        signed_in(who, customer_public_id={"another's": other.public_id, "unknown": "cus_2", "": ""}[named])
    assert not Session.objects.exists()


def test_a_member_suspended_a_moment_ago_does_not_enter():
    customer = make.customer()
    who = credentials.member(customer)
    with acting_in(customer):
        Member.objects.filter(person=who).update(state="suspended")
    with pytest.raises(CustomerNotOpen):
        signed_in(who)
    PersonCustomer.objects.filter(person=who).delete()
    assert signed_in(who).customer is None


def test_a_program_is_given_tokens_and_no_secret():
    customer = make.customer()
    done = signed_in(credentials.member(customer), kind=PROGRAM)
    assert done.secret == ""
    assert read_access(done.tokens.access).customer_id == customer.pk


@pytest.mark.parametrize("typed", ["{}", "  {} ", "{}\n"])
def test_the_address_may_be_written_in_any_case_and_with_blanks(typed):
    who = credentials.person()
    assert sign_in(typed.format(who.email.upper()), PASSWORD, kind=BROWSER, origin=credentials.origin())


# What it refuses


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_wrong_password_is_refused_in_the_same_words(account):
    refusal = refusal_of(ACCOUNTS[account]())
    assert refusal.as_dict() == SignInRefused().as_dict()
    assert not Session.objects.exists()


@pytest.mark.parametrize("account", ["unknown", "suspended", "passwordless"])
@pytest.mark.parametrize("password", [PASSWORD, ""])
def test_no_password_opens_an_account_that_may_not_be_used(account, password):
    assert refusal_of(ACCOUNTS[account](), password)


@pytest.mark.parametrize("email", ["", "\x00", "ada@example.com\x00", "\ud800@example.com", "x" * 100_000, "%", "ADA"])
def test_what_is_no_address_is_refused_like_an_unknown_one(email):
    credentials.person()
    with pytest.raises(SignInRefused):
        sign_in(email, PASSWORD, kind=BROWSER, origin=credentials.origin())


@pytest.mark.parametrize("password", ["", "\x00", "\ud800", "x" * 1_000_000])
def test_what_cannot_be_a_password_is_refused(password):
    assert refusal_of(credentials.person(), password)


def test_the_decoys_password_is_nobodys():
    decoy = signing_in._decoy(("tests.hashers.CheapArgon2",))
    assert not password_matches("", decoy)
    assert not password_matches(PASSWORD, decoy)


def test_a_password_changed_while_it_was_verified_opens_nothing(monkeypatch):
    who = credentials.person()

    def change_meanwhile(password: str, stored: str) -> bool:
        Person.objects.filter(pk=who.pk).update(password="changed")
        return password_matches(password, stored)

    monkeypatch.setattr(signing_in, "password_matches", change_meanwhile)
    assert refusal_of(who, PASSWORD)
    assert not Session.objects.exists()
    assert last_entries(1)[0].outcome == "refused"


def test_a_suspension_while_the_password_was_verified_holds(monkeypatch):
    who = credentials.person()

    def suspend_meanwhile(password: str, stored: str) -> bool:
        Person.objects.filter(pk=who.pk).update(suspended_at=timezone.now())
        return password_matches(password, stored)

    monkeypatch.setattr(signing_in, "password_matches", suspend_meanwhile)
    assert refusal_of(who, PASSWORD)
    assert not Session.objects.exists()


def test_it_is_refused_to_start_where_its_entry_could_be_rolled_back():
    customer = make.customer()
    with pytest.raises(RuntimeError, match="durable"), acting_in(customer):
        signed_in(nobody())


# That a refusal tells nothing


def shape(statement: str) -> str:
    """The statement without its values."""
    return re.sub(r"X?'(?:[^']|'')*'|\b\d+\b|s\d+_x\d+", "?", statement)


def test_the_same_queries_are_made_for_every_account():
    refusal_of(nobody())
    shapes = {}
    for name, account in ACCOUNTS.items():
        who = account()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            refusal_of(who, address=f"192.0.2.{len(shapes) + 10}")
        shapes[name] = [shape(query["sql"]) for query in queries]
    assert len(shapes["unknown"]) >= 2
    assert all(each == shapes["unknown"] for each in shapes.values())


def test_the_account_is_one_row_whether_it_exists_or_not():
    who = credentials.person()
    assert signing_in._account(who.email).public_id == who.public_id
    assert signing_in._account("nobody@example.com") == signing_in._Account(None, None, None, None)


def test_exactly_one_password_is_verified_with_the_same_parameters_for_every_account(monkeypatch):
    verified = []

    def note(password: str, stored: str) -> bool:
        verified.append(stored.rpartition("$")[0].rpartition("$")[0])
        return password_matches(password, stored)

    monkeypatch.setattr(signing_in, "password_matches", note)
    for account in ACCOUNTS.values():
        refusal_of(account(), address=f"192.0.2.{len(verified) + 10}")
    assert len(verified) == len(ACCOUNTS)
    assert len(set(verified)) == 1
    assert verified[0].startswith("argon2$argon2id$v=19$m=")


# The second factor


def test_with_a_second_factor_a_right_password_asks_for_the_code_and_signs_nobody_in():
    who = credentials.person()
    with_authenticator(who)
    with pytest.raises(SecondFactorNeeded):
        signed_in(who)
    assert not Session.objects.exists()


def test_a_suspended_person_is_not_asked_for_a_code_and_every_attempt_counts():
    who = suspended()
    with_authenticator(who)
    for _ in range(5):
        refusal_of(who, PASSWORD)
    with pytest.raises(TooManySignIns):
        signed_in(who)


def test_a_wrong_password_is_refused_before_any_code_is_asked_for():
    who = credentials.person()
    totp, _ = with_authenticator(who)
    assert refusal_of(who)
    assert refusal_of(who, code=totp.now())


def test_a_right_code_signs_in_and_the_session_says_so():
    who = credentials.person()
    totp, recovery = with_authenticator(who)
    assert signed_in(who, code=totp.now()).session.with_second_factor
    assert signed_in(who, code=recovery[0]).session.with_second_factor
    assert not signed_in(credentials.person()).session.with_second_factor


@pytest.mark.parametrize("code", ["000000", "x", "\x00", "\ud800", "1" * 1000])
def test_a_wrong_code_is_refused_like_a_wrong_password(code):
    who = credentials.person()
    with_authenticator(who)
    assert refusal_of(who, PASSWORD, code=code).as_dict() == SignInRefused().as_dict()


def test_no_code_works_twice():
    who = credentials.person()
    totp, recovery = with_authenticator(who)
    for code in (totp.now(), recovery[0]):
        assert signed_in(who, code=code)
        assert refusal_of(who, PASSWORD, code=code)


# The record


def test_a_sign_in_is_in_both_records():
    customer = make.customer()
    who = credentials.member(customer, "viewer")
    done = signed_in(who)
    with acting_in(customer):
        entries = [Entry.objects.order_by("position").last(), *last_entries(1)]
    for entry in entries:
        assert (entry.verb, entry.thing_id, entry.outcome) == ("sign_in", done.session.public_id, "done")
        assert (entry.actor_id, entry.actor_name, entry.role) == (who.public_id, who.name, "viewer")
        assert (entry.address, entry.request_id) == ("192.0.2.1", "request-1")


@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("password", ["a typed password", PASSWORD])
def test_a_refusal_is_one_entry_that_names_whom_it_was_about_and_nothing_typed(account, password):
    who = credentials.person(password="another one") if account == "known" else ACCOUNTS[account]()
    before = InstallationEntry.objects.count()
    refusal_of(who, password)
    assert InstallationEntry.objects.count() == before + 1
    entry = last_entries(1)[0]
    assert (entry.verb, entry.outcome, entry.actor_kind) == ("sign_in", "refused", "anonymous")
    assert entry.thing_id == (who.public_id if who.pk else "")
    assert (who.name in entry.detail) is (who.pk is not None)
    assert all(password not in str(value) and who.email not in str(value) for value in vars(entry).values())


def told(entry: InstallationEntry) -> object:
    return json.loads(entry.detail)["after"]["code"]


def test_a_right_password_without_the_code_is_one_entry():
    who = credentials.person()
    with_authenticator(who)
    before = InstallationEntry.objects.count()
    with pytest.raises(SecondFactorNeeded):
        signed_in(who)
    assert InstallationEntry.objects.count() == before + 1
    entry = last_entries(1)[0]
    assert (entry.verb, entry.outcome, entry.thing_id) == ("sign_in", "refused", who.public_id)
    assert told(entry) == "second_factor_needed"


def test_a_right_password_for_a_customer_that_is_not_theirs_is_one_entry():
    who, other = credentials.member(make.customer("Own")), make.customer("Other")
    before = InstallationEntry.objects.count()
    with pytest.raises(CustomerNotOpen):
        signed_in(who, customer_public_id=other.public_id)
    assert InstallationEntry.objects.count() == before + 1
    entry = last_entries(1)[0]
    assert (entry.verb, entry.outcome, entry.thing_id) == ("sign_in", "refused", who.public_id)
    assert told(entry) == "customer_not_open"


def test_a_wrong_code_is_one_entry():
    who = credentials.person()
    with_authenticator(who)
    before = InstallationEntry.objects.count()
    refusal_of(who, PASSWORD, code="000000")
    assert InstallationEntry.objects.count() == before + 1


def test_what_is_typed_as_an_address_is_logged_nowhere(caplog):
    with pytest.raises(SignInRefused):
        sign_in("my secret password", PASSWORD, kind=BROWSER, origin=credentials.origin())
    assert "secret" not in caplog.text
    assert all("secret" not in str(vars(entry)) for entry in last_entries(5))


def test_a_hash_made_more_cheaply_is_renewed_by_the_sign_in_and_the_password_stays(settings):
    someone = credentials.person()
    settings.PASSWORD_HASHERS = ["tests.hashers.LessCheapArgon2"]
    signed_in(someone)
    renewed = Person.objects.get(pk=someone.pk).password
    assert renewed != someone.password
    assert "t=2" in renewed
    signed_in(someone)
    assert Person.objects.get(pk=someone.pk).password == renewed
