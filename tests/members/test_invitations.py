"""Invitations: by a link that works once, for the address it was sent to."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payerwatch.audit.models import InstallationEntry
from payerwatch.members.actions import AlreadyMember, suspend_member
from payerwatch.members.email_addresses import EmailUnusable
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.invitations import (
    InvitationUnusable,
    Invited,
    accept_invitation,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from payerwatch.members.models import Invitation, Member, Person
from payerwatch.members.passwords import PasswordUnusable, PasswordWrong, password_matches
from payerwatch.members.people import PersonNameUnusable, suspend_person
from payerwatch.members.queries import UnknownInvitation, customers_of, waiting_invitations
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import ACTOR, customer
from tests.members.credentials import PASSWORD, origin, person
from tests.members.places import now_is, place, verbs, verbs_of_installation

pytestmark = pytest.mark.django_db

GOOD = "seven grey herons wade"


@pytest.fixture
def practice() -> Customer:
    return customer()


def invited(practice: Customer, email: str = "new@example.com", role: str = "analyst") -> Invited:
    with acting_in(practice):
        return invite(email, role, actor=ACTOR)


def accept(text: str, **given: object) -> Member:
    return accept_invitation(text, origin=origin(), **({"name": "New", "password": GOOD} | given))


def test_a_new_person_chooses_name_and_password_and_is_in(practice: Customer):
    member = accept(invited(practice).text, name="  Ann  Bee ")
    assert (member.role, member.state) == ("analyst", "active")
    ann = Person.objects.get(email="new@example.com")
    assert (ann.name, ann.is_operator) == ("Ann Bee", False)
    assert password_matches(GOOD, ann.password)
    assert list(customers_of(ann)) == [practice]
    assert verbs(practice)[-2:] == ["invite", "accept"]
    assert verbs_of_installation(ann.public_id) == ["add"]


def test_the_secret_is_long_and_is_not_stored(practice: Customer):
    found = invited(practice)
    customer_id, _, secret = found.text.partition(".")
    assert customer_id == practice.public_id
    assert len(secret) * 6 >= 160
    assert secret not in str(vars(found.invitation))


def test_a_message_is_sent_when_the_invitation_is_committed(practice, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        found = invited(practice, "ann@example.com")
    assert not mailoutbox
    for callback in callbacks:
        callback()
    [message] = mailoutbox
    assert message.to == ["ann@example.com"]
    assert f"/api/v1/auth/invitation/ with the token {found.text}\n" in message.body


@pytest.mark.parametrize("spoil", ["used", "withdrawn", "replaced", "resent", "expired", "suspended"])
def test_a_link_that_is_over_is_refused(practice: Customer, spoil: str):
    found = invited(practice)
    with acting_in(practice):
        if spoil == "withdrawn":
            withdraw_invitation(found.invitation, actor=ACTOR)
        elif spoil == "replaced":
            invite("new@example.com", "viewer", actor=ACTOR)
        elif spoil == "resent":
            resend_invitation(found.invitation, actor=ACTOR)
        elif spoil == "expired":
            Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if spoil == "used":
        accept(found.text)
    if spoil == "suspended":
        suspend_person(person_at("new@example.com"), actor=ACTOR)
    members = count(practice)
    with pytest.raises(InvitationUnusable):
        accept(found.text, password=PASSWORD if spoil == "suspended" else GOOD)
    assert count(practice) == members


def person_at(email: str) -> Person:
    someone = person()
    Person.objects.filter(pk=someone.pk).update(email=email)
    someone.refresh_from_db()
    return someone


def count(practice: Customer) -> int:
    with acting_in(practice):
        return Member.objects.count()


@pytest.mark.parametrize("garbage", ["", ".", "x", "cus_.x", "\x00.\x00", "\ud800.x", "9" * 5000, "{id}.", "{id}.x"])
def test_garbage_is_refused_like_a_link_that_is_over(practice: Customer, garbage: str):
    with pytest.raises(InvitationUnusable):
        accept(garbage.replace("{id}", practice.public_id))


def test_a_secret_opens_its_own_customer_alone(practice: Customer):
    secret = invited(practice).text.partition(".")[2]
    with pytest.raises(InvitationUnusable):
        accept(f"{customer('Other').public_id}.{secret}")


def test_what_is_refused_leaves_the_link_good(practice: Customer):
    found = invited(practice)
    with pytest.raises(PasswordUnusable):
        accept(found.text, password="short")
    with pytest.raises(PersonNameUnusable):
        accept(found.text, name=" ")
    assert not Person.objects.filter(email="new@example.com").exists()
    assert accept(found.text).role == "analyst"


def test_who_exists_gives_their_password_and_keeps_their_name(practice: Customer):
    ada = person("Ada")
    found = invited(practice, ada.email)
    with pytest.raises(PasswordWrong):
        accept(found.text, name="Eve", password=GOOD)
    accept(found.text, name="Eve", password=PASSWORD)
    ada.refresh_from_db()
    assert ada.name == "Ada"
    assert password_matches(PASSWORD, ada.password)
    assert now_is(practice, ada).role == "analyst"


def test_who_exists_without_a_password_does_not_get_one_by_an_invitation(practice: Customer):
    ada = person(password=None)
    with pytest.raises(PasswordWrong):
        accept(invited(practice, ada.email).text, password="")


def test_a_password_cannot_be_guessed_by_a_link(practice: Customer):
    ada = person()
    found = invited(practice, ada.email)
    for _ in range(5):
        with pytest.raises(PasswordWrong):
            accept(found.text, password="a wrong guess at it")
    with pytest.raises(TooManyGuesses) as refused:
        accept(found.text, password=PASSWORD)
    assert refused.value.retry_after > 0


def test_a_wrong_password_by_a_link_is_one_entry_without_what_was_typed(practice: Customer):
    ada = person("Ada")
    found = invited(practice, ada.email)
    before = InstallationEntry.objects.count()
    with pytest.raises(PasswordWrong):
        accept(found.text, password="a wrong guess at it")
    assert InstallationEntry.objects.count() == before + 1
    entry = InstallationEntry.objects.order_by("position").last()
    assert (entry.verb, entry.outcome, entry.actor_kind) == ("accept", "refused", "anonymous")
    assert (entry.thing_id, "password_wrong" in entry.detail) == (ada.public_id, True)
    assert "guess" not in str(vars(entry))


def test_who_is_signed_in_needs_no_password_for_their_own_invitation_only(practice: Customer):
    ada, eve = person("Ada"), person("Eve")
    found = invited(practice, ada.email)
    with pytest.raises(InvitationUnusable):
        accept(found.text, password="", person=eve)
    assert accept(found.text, password="", person=ada).person == ada


@pytest.mark.parametrize("state", ["active", "suspended"])
def test_who_is_a_member_is_not_invited(practice: Customer, state: str):
    member = place(practice)
    if state == "suspended":
        with acting_in(practice):
            suspend_member(member, actor=ACTOR)
    with pytest.raises(AlreadyMember):
        invited(practice, member.person.email.upper())


def test_who_became_a_member_meanwhile_is_told_so(practice: Customer):
    ada = person()
    found = invited(practice, ada.email)
    place(practice, "viewer", of=ada)
    with pytest.raises(AlreadyMember):
        accept(found.text, password=PASSWORD)
    assert now_is(practice, ada).role == "viewer"


def test_of_one_address_one_invitation_waits(practice: Customer):
    invited(practice, "new@example.com", "viewer")
    last = invited(practice, " NEW@example.com", "admin")
    with acting_in(practice):
        assert [each.pk for each in waiting_invitations()] == [last.invitation.pk]


def test_an_expired_invitation_can_be_sent_again_and_does_not_wait(practice: Customer):
    found = invited(practice)
    with acting_in(practice):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
        assert not waiting_invitations().exists()
        again = resend_invitation(found.invitation, actor=ACTOR)
        assert waiting_invitations().exists()
    assert accept(again.text).role == "analyst"


@pytest.mark.parametrize("action", [withdraw_invitation, resend_invitation])
def test_an_invitation_that_was_accepted_is_unknown(practice: Customer, action):
    found = invited(practice)
    accept(found.text)
    with acting_in(practice), pytest.raises(UnknownInvitation):
        action(found.invitation, actor=ACTOR)


def test_an_address_that_is_none_is_refused(practice: Customer):
    with pytest.raises(EmailUnusable):
        invited(practice, "ann@example.com\nBcc: eve@example.com")
