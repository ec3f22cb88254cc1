"""Sessions: they begin, change customer, idle and end; no secret from before is good after."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import override_settings
from django.utils import timezone

from payerwatch.audit import record as recording
from payerwatch.audit.models import InstallationEntry
from payerwatch.members.models import Member, Person, Session
from payerwatch.members.roles import Role
from payerwatch.members.secrets import CredentialRefused, digest
from payerwatch.members.sessions import (
    cookie_of,
    end_session,
    end_sessions_of,
    find_session,
    read_cookie,
    sessions_of,
    touch,
)
from payerwatch.tenancy.context import acting_in
from tests import make
from tests.members import credentials

pytestmark = pytest.mark.django_db


# The cookie


def test_a_cookie_leads_to_its_session_with_the_role_in_one_query(django_assert_num_queries):
    customer = make.customer()
    who = credentials.member(customer, "admin")
    session, cookie = credentials.cookie_in(customer, who)
    customer_id, secret = read_cookie(cookie)
    with acting_in(customer_id), django_assert_num_queries(1):
        entered = find_session(customer_id, timezone.now(), digest=secret)
        assert (entered.session.person.name, entered.session.customer.name) == (who.name, customer.name)
    assert (entered.session.pk, entered.role) == (session.pk, Role.ADMIN)


def test_the_secret_itself_is_not_stored():
    session, secret = credentials.session(credentials.person())
    assert secret not in str(Session.objects.filter(pk=session.pk).values().get())
    assert session.digest == digest(secret)


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "1",
        "1.",
        ".",
        "0.short",
        "-1." + "a" * 32,
        "01." + "a" * 32,
        "1e3." + "a" * 32,
        "1234567890123456789." + "a" * 32,
        "1." + "a" * 33,
        "1." + "a" * 31 + "\n",
        "1." + "a" * 32 + "\n",
        "١." + "a" * 32,
        "1." + "a" * 31 + "é",
        "1." + "a" * 31 + "\ud800",
        "1.a.b",
        "'; --." + "a" * 32,
    ],
)
def test_a_cookie_that_is_none_of_ours_is_refused_without_a_query(cookie, django_assert_num_queries):
    with django_assert_num_queries(0), pytest.raises(CredentialRefused):
        read_cookie(cookie)


def test_a_cookie_that_names_another_customer_is_refused():
    own, other = make.customer("Own"), make.customer("Other")
    who = credentials.member(own)
    credentials.member(other, of=who)
    session, secret = credentials.session(who, own)
    for named in (other.pk, 0, other.pk + 1000):
        with pytest.raises(CredentialRefused):
            credentials.found(f"{named}.{secret}")
    assert credentials.found(cookie_of(session, secret)).role == "analyst"


def test_who_is_no_longer_an_active_member_has_no_role():
    customer = make.customer()
    who = credentials.member(customer)
    _, cookie = credentials.cookie_in(customer, who)
    with acting_in(customer):
        Member.objects.filter(person=who).update(state="suspended")
    assert credentials.found(cookie).role == ""


def test_a_suspended_person_is_refused_on_the_next_request():
    customer = make.customer()
    who = credentials.member(customer)
    _, cookie = credentials.cookie_in(customer, who)
    Person.objects.filter(pk=who.pk).update(suspended_at=timezone.now())
    with pytest.raises(CredentialRefused):
        credentials.found(cookie)


# Time


@pytest.mark.parametrize(("minutes", "lives"), [(14, True), (15, False)])
def test_an_idle_browser_is_signed_out_after_15_minutes(minutes, lives):
    _, cookie = credentials.cookie_in(None, credentials.person())
    after = timedelta(minutes=minutes)
    if lives:
        assert credentials.found(cookie, at=after)
    else:
        with pytest.raises(CredentialRefused):
            credentials.found(cookie, at=after)


@override_settings(SESSION_IDLE_MINUTES=5)
def test_how_long_a_browser_may_idle_can_be_set():
    _, cookie = credentials.cookie_in(None, credentials.person())
    with pytest.raises(CredentialRefused):
        credentials.found(cookie, at=timedelta(minutes=6))


def test_a_browser_in_use_is_signed_out_after_12_hours():
    session, cookie = credentials.cookie_in(None, credentials.person())
    for minutes in range(10, 12 * 60, 10):
        touch(session, timezone.now() + timedelta(minutes=minutes))
        session.refresh_from_db()
    assert credentials.found(cookie, at=timedelta(hours=11, minutes=55))
    with pytest.raises(CredentialRefused):
        credentials.found(cookie, at=timedelta(hours=12))


def test_use_is_noted_at_most_once_a_minute(django_assert_num_queries):
    session, _ = credentials.session(credentials.person())
    with django_assert_num_queries(0):
        touch(session, session.seen_at + timedelta(seconds=59))
    later = session.seen_at + timedelta(seconds=60)
    touch(session, later)
    assert Session.objects.get(pk=session.pk).seen_at == later
    touch(session, later + timedelta(seconds=30))  # read before the other request noted it
    assert Session.objects.get(pk=session.pk).seen_at == later


# The end


def test_an_ended_session_is_refused_on_the_next_request_and_ends_once():
    customer = make.customer()
    session, cookie = credentials.cookie_in(customer, credentials.member(customer))
    with acting_in(customer):
        assert end_session(session, "signed_out", actor=make.ACTOR)
        assert not end_session(session, "ended_by_person", actor=make.ACTOR)
    with pytest.raises(CredentialRefused):
        credentials.found(cookie)
    assert Session.objects.get(pk=session.pk).ended_because == "signed_out"
    assert credentials.installation_verbs()[-1] == credentials.verbs_of(customer)[-1] == "sign_out"


def test_signing_out_everywhere_spares_the_session_it_is_asked_from_and_other_people():
    who, other = credentials.person(), credentials.person("Bob")
    mine, others = credentials.cookie_in(None, who), credentials.cookie_in(None, other)
    ended = [credentials.cookie_in(None, who)[1] for _ in range(3)]
    before = InstallationEntry.objects.count()
    assert end_sessions_of(who, because="signed_out_everywhere", actor=make.ACTOR, except_for=mine[0]) == 3
    assert credentials.found(mine[1])
    assert credentials.found(others[1])
    for cookie in ended:
        with pytest.raises(CredentialRefused):
            credentials.found(cookie)
    assert InstallationEntry.objects.count() == before + 1


def test_where_nothing_ends_nothing_is_recorded():
    who = credentials.person()
    before = InstallationEntry.objects.count()
    assert end_sessions_of(who, because="suspended", actor=make.ACTOR) == 0
    assert InstallationEntry.objects.count() == before


def test_a_persons_live_sessions_are_listed_and_no_others():
    who = credentials.person()
    first, second, ended, idle = (credentials.session(who)[0] for _ in range(4))
    credentials.session(credentials.person("Bob"))
    end_session(ended, "signed_out", actor=make.ACTOR)
    Session.objects.filter(pk=idle.pk).update(seen_at=timezone.now() - timedelta(hours=1))
    Session.objects.filter(pk=first.pk).update(seen_at=timezone.now() - timedelta(minutes=2))
    assert [each.pk for each in sessions_of(who)] == [second.pk, first.pk]


@pytest.mark.parametrize(
    "end",
    [
        lambda session: end_session(session, "signed_out", actor=make.ACTOR),
        lambda session: end_sessions_of(session.person, because="suspended", actor=make.ACTOR),
    ],
)
def test_no_session_ends_without_its_entry(monkeypatch: pytest.MonkeyPatch, end):
    def failing(*_: object) -> None:
        raise OperationalError("disk full")

    session, cookie = credentials.cookie_in(None, credentials.person())
    monkeypatch.setattr(recording, "append", failing)
    with pytest.raises(OperationalError):
        end(session)
    assert credentials.found(cookie)
