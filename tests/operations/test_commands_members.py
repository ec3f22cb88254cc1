"""`create_operator` and `add_member`: who is let in from the command line, and how passwords come to it."""

import getpass
import io
import sys

import pytest

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.members.invitations import accept_invitation
from payerwatch.members.models import Member, Person
from payerwatch.members.passwords import password_matches
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import answer, customer, words
from tests.members.credentials import origin, person
from tests.members.places import now_is

pytestmark = pytest.mark.django_db

GOOD = "seven grey herons wade"


@pytest.fixture
def practice() -> Customer:
    return customer()


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Standard input that is no terminal and has these lines."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def type_at_terminal(monkeypatch: pytest.MonkeyPatch, *passwords: str) -> None:
    typed = iter(passwords)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: next(typed))


def operator(*options: str):
    return answer("create_operator", "--email", "Op@Example.com", "--name", "Op", *options, customer=None)


def member(*options: str, email: str = "ann@example.com", role: str = "owner"):
    return answer("add_member", "--email", email, "--role", role, *options)


def test_an_operator_is_made_with_a_password_from_standard_input(monkeypatch: pytest.MonkeyPatch):
    type_in(monkeypatch, GOOD, "another line")
    document = operator("--password-stdin").document
    made = Person.objects.get(email="op@example.com")
    assert document == {"person": made.public_id, "email": "op@example.com", "name": "Op"}
    assert made.is_operator
    assert password_matches(GOOD, made.password)
    entry = InstallationEntry.objects.get(thing_id=made.public_id)
    assert (entry.verb, entry.actor_kind) == ("add", "command")
    assert GOOD not in entry.detail


def test_at_a_terminal_the_password_is_typed_twice(monkeypatch: pytest.MonkeyPatch):
    type_at_terminal(monkeypatch, GOOD, "another")
    assert operator().error["code"] == "passwords_differ"
    type_at_terminal(monkeypatch, GOOD, GOOD)
    assert operator().code == 0


@pytest.mark.parametrize(
    ("lines", "options"), [((), ()), ((GOOD,), ()), ((), ("--password-stdin",)), (("",), ("--password-stdin",))]
)
def test_without_a_password_nobody_is_made(monkeypatch: pytest.MonkeyPatch, lines, options):
    type_in(monkeypatch, *lines)
    assert operator(*options).error["code"] == "password_missing"
    assert not Person.objects.exists()


def test_a_password_that_may_not_be_one_is_refused(monkeypatch: pytest.MonkeyPatch):
    type_in(monkeypatch, "short")
    assert operator("--password-stdin").error["code"] == "password_unusable"


def test_who_signs_in_already_is_not_made_an_operator_and_no_password_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    type_in(monkeypatch, GOOD)
    operator("--password-stdin")
    monkeypatch.setattr(sys, "stdin", None)
    assert operator("--password-stdin").error["code"] == "person_exists"


def test_who_does_not_sign_in_yet_is_invited_and_the_link_is_shown(
    practice: Customer, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        document = member().document
    assert (document["email"], document["role"], document["customer"]) == ("ann@example.com", "owner", "Practice")
    assert document["to_accept"] in mailoutbox[0].body
    joined = accept_invitation(document["token"], name="Ann", password=GOOD, origin=origin())
    assert now_is(practice, joined.person).role == "owner"


def test_a_person_reads_the_link_and_where_the_message_is(practice: Customer, settings):
    settings.EMAIL_FILE_PATH = "/data/[mail]"
    said = words("add_member", "--email", "ann@example.com", "--role", "viewer")
    assert "/api/v1/auth/invitation/ with the token cus_" in said
    assert "a file in /data/[mail]" in said


def test_who_signs_in_already_is_added_at_once_unless_an_invitation_is_asked_for(practice: Customer):
    ada = person("Ada")
    assert "invitation" in member("--invite", email=ada.email).document
    document = member(email=ada.email, role="admin").document
    assert (document["person"], document["role"]) == (ada.public_id, "admin")
    assert now_is(practice, ada).role == "admin"
    assert member(email=ada.email).error["code"] == "already_member"
    with acting_in(practice):
        assert Entry.objects.order_by("position").last().actor_kind == "command"


def test_with_a_password_a_new_person_is_made_and_added(practice: Customer, monkeypatch: pytest.MonkeyPatch):
    type_in(monkeypatch, GOOD)
    document = member("--password-stdin", "--name", "Ann").document
    assert (document["email"], document["role"]) == ("ann@example.com", "owner")
    assert password_matches(GOOD, Person.objects.get().password)


def test_what_is_refused_leaves_no_person_behind(practice: Customer, monkeypatch: pytest.MonkeyPatch):
    type_in(monkeypatch, GOOD)
    assert member("--password-stdin").error["code"] == "name_missing"
    assert member("--password-stdin", "--name", "\t").error["code"] == "person_name_unusable"
    assert not Person.objects.exists()
    with acting_in(practice):
        assert not Member.objects.exists()


def test_a_name_is_taken_with_a_password_alone(practice: Customer):
    assert member("--name", "Ann").error["code"] == "name_not_taken"
    assert member("--name", "Ann", "--invite").error["code"] == "name_not_taken"
    assert member("--name", "Ann", email=person("Ada").email).error["code"] == "name_not_taken"


def test_an_operator_is_made_no_member(practice: Customer):
    assert member(email=person(is_operator=True).email).error["code"] == "operator_is_no_member"


def test_an_unknown_customer_or_address_is_refused(practice: Customer):
    refused = answer("add_member", "--email", "a@example.com", "--role", "owner", customer="Nobody")
    assert refused.error["code"] == "unknown_customer"
    assert member(email="no address").error["code"] == "email_unusable"
