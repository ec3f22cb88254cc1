"""Access tokens and the refresh token that works once."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import QuerySet
from django.test import override_settings
from django.utils import timezone

from payerwatch.audit.models import InstallationEntry
from payerwatch.members import tokens
from payerwatch.members.models import Session
from payerwatch.members.secrets import CredentialRefused
from payerwatch.members.sessions import end_session, enter_customer, find_session
from payerwatch.members.tokens import RefreshSuperseded, Tokens, issue_tokens, read_access, refresh
from payerwatch.tenancy.context import acting_in
from tests import make
from tests.members import credentials

pytestmark = pytest.mark.django_db


def program() -> tuple[Session, Tokens]:
    session, secret = credentials.session(credentials.person(), kind=Session.Kind.PROGRAM)
    return session, issue_tokens(session, secret)


def refreshed(token: str, arrived_at: datetime | None = None) -> Tokens:
    return refresh(token, origin=credentials.origin(), arrived_at=arrived_at or timezone.now())


def lives(session: Session, at: timedelta = timedelta(0)) -> bool:
    try:
        find_session(session.customer_id, timezone.now() + at, public_id=session.public_id)
    except CredentialRefused:
        return False
    return True


def age(session: Session, **fields: timedelta) -> None:
    """Move times of the session into the past by so much."""
    present = Session.objects.filter(pk=session.pk).values(*fields).get()
    Session.objects.filter(pk=session.pk).update(**{name: present[name] - by for name, by in fields.items()})


def test_an_access_token_says_who_in_which_session_and_customer():
    customer = make.customer()
    who = credentials.member(customer)
    session, secret = credentials.session(who, customer, Session.Kind.PROGRAM)
    claims = read_access(issue_tokens(session, secret).access)
    assert (claims.person_id, claims.session_id) == (who.public_id, session.public_id)
    assert claims.customer_id == customer.pk
    assert read_access(program()[1].access).customer_id is None


def test_the_secret_of_the_refresh_token_is_in_no_access_token():
    session, secret = credentials.session(credentials.person(), kind=Session.Kind.PROGRAM)
    assert read_access(issue_tokens(session, secret).access)
    assert secret not in str(tokens.verify(tokens.Purpose.ACCESS, issue_tokens(session, secret).access))


def test_an_access_token_is_good_for_15_minutes(monkeypatch: pytest.MonkeyPatch):
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)  # in between a second may begin
    _, issued = program()
    claims = tokens.verify(tokens.Purpose.ACCESS, issued.access)
    assert claims["exp"] - claims["iat"] == issued.expires_in == 15 * 60


def test_an_access_token_ends_no_later_than_its_session():
    session, secret = credentials.session(credentials.person(), kind=Session.Kind.PROGRAM)
    session.expires_at = timezone.now() + timedelta(minutes=2)
    issued = issue_tokens(session, secret)
    claims = tokens.verify(tokens.Purpose.ACCESS, issued.access)
    assert claims["exp"] == int(session.expires_at.timestamp())
    assert issued.expires_in <= 120


def test_refreshing_gives_other_tokens_of_the_same_session():
    session, first = program()
    second = refreshed(first.refresh)
    assert second.refresh != first.refresh
    assert read_access(second.access).session_id == session.public_id
    assert refreshed(second.refresh).refresh != second.refresh


def test_who_has_won_is_given_the_tokens_though_the_time_cannot_be_noted(monkeypatch: pytest.MonkeyPatch):
    session, first = program()
    update = QuerySet.update

    def locked(query: QuerySet, **values: Any) -> int:
        if set(values) == {"rotated_at"}:
            raise OperationalError("database is locked")
        return update(query, **values)

    monkeypatch.setattr(QuerySet, "update", locked)
    second = refreshed(first.refresh)
    with pytest.raises(RefreshSuperseded):
        refreshed(first.refresh)
    assert lives(session)
    assert refreshed(second.refresh).refresh != second.refresh


def test_a_used_refresh_token_shown_again_ends_the_session_and_is_recorded():
    session, first = program()
    second = refreshed(first.refresh)
    before = InstallationEntry.objects.count()
    with pytest.raises(CredentialRefused):
        refreshed(first.refresh)
    assert not lives(session)
    with pytest.raises(CredentialRefused):
        refreshed(second.refresh)
    assert Session.objects.get(pk=session.pk).ended_because == "refresh_reused"
    entry = InstallationEntry.objects.order_by("position").last()
    assert (entry.verb, entry.thing_id, entry.address) == ("sign_out", session.public_id, "192.0.2.1")
    assert InstallationEntry.objects.count() == before + 1


def test_a_grandparent_shown_again_ends_the_session_too():
    session, first = program()
    refreshed(refreshed(first.refresh).refresh)
    with pytest.raises(CredentialRefused):
        refreshed(first.refresh)
    assert not lives(session)


def test_a_request_that_was_under_way_when_another_won_is_refused_and_ends_nothing():
    session, first = program()
    arrived_at = timezone.now()
    refreshed(first.refresh)
    with pytest.raises(RefreshSuperseded):
        refreshed(first.refresh, arrived_at)
    assert lives(session)


def test_a_loser_who_arrives_before_the_winner_is_answered_is_no_thief(monkeypatch):
    """The loser comes after the winner's change was made and before it is answered: the narrowest moment."""
    session, first = program()
    rotate = tokens._rotate
    outcomes = []

    def rotate_and_let_another_in(*arguments: str) -> bool:
        won = rotate(*arguments)
        monkeypatch.setattr(tokens, "_rotate", rotate)
        try:
            refreshed(first.refresh)
        except RefreshSuperseded as refusal:
            outcomes.append(refusal.code)
        return won

    monkeypatch.setattr(tokens, "_rotate", rotate_and_let_another_in)
    assert refreshed(first.refresh)
    assert outcomes == ["refresh_superseded"]
    assert lives(session)
    with pytest.raises(CredentialRefused):
        refreshed(first.refresh)
    assert not lives(session)


def test_the_token_from_before_a_change_of_customer_is_used_up():
    customer = make.customer()
    session, secret = credentials.session(credentials.member(customer), kind=Session.Kind.PROGRAM)
    before = issue_tokens(session, secret)
    after = issue_tokens(session, enter_customer(session, customer, actor=make.ACTOR))
    assert read_access(after.access).customer_id == customer.pk
    with pytest.raises(RefreshSuperseded):
        refreshed(before.refresh)
    assert refreshed(after.refresh)


@pytest.mark.parametrize(("days", "good"), [(6.9, True), (7.1, False)])
def test_a_refresh_token_unused_for_7_days_is_refused(days, good):
    session, first = program()
    age(session, rotated_at=timedelta(days=days))
    assert lives(session) is good
    if good:
        assert refreshed(first.refresh)
    else:
        with pytest.raises(CredentialRefused):
            refreshed(first.refresh)


def test_30_days_after_the_sign_in_no_refreshing_helps():
    session, first = program()
    assert timedelta(days=29, hours=23) < session.expires_at - timezone.now() <= timedelta(days=30)
    age(session, expires_at=timedelta(days=30, minutes=1))
    with pytest.raises(CredentialRefused):
        refreshed(first.refresh)


def test_refreshing_does_not_move_the_end():
    session, first = program()
    refreshed(first.refresh)
    assert Session.objects.get(pk=session.pk).expires_at == session.expires_at


def test_a_session_that_was_ended_is_not_refreshed():
    session, first = program()
    end_session(session, "signed_out", actor=make.ACTOR)
    with pytest.raises(CredentialRefused):
        refreshed(first.refresh)
    assert Session.objects.get(pk=session.pk).ended_because == "signed_out"


def test_a_suspended_person_refreshes_nothing():
    session, first = program()
    type(session.person).objects.filter(pk=session.person_id).update(suspended_at=timezone.now())
    with pytest.raises(CredentialRefused):
        refreshed(first.refresh)


def test_a_browsers_session_is_not_refreshed():
    session, secret = credentials.session(credentials.person())
    with pytest.raises(CredentialRefused):
        refreshed(issue_tokens(session, secret).refresh)


@pytest.mark.parametrize("place", ["", "x", "header", "payload", "signature"])
def test_a_refresh_token_that_was_not_issued_ends_nobodys_session(place):
    session, first = program()
    second = refreshed(first.refresh)
    segments = dict(zip(("header", "payload", "signature"), first.refresh.split("."), strict=True))
    if place in segments:
        segments[place] = segments[place][:-2] + ("AA" if segments[place][-2:] != "AA" else "BA")
    forged = ".".join(segments.values()) if place in segments else place
    with pytest.raises(CredentialRefused):
        refreshed(forged)
    assert lives(session)
    assert refreshed(second.refresh)


def test_tokens_outlive_a_change_of_the_secret_key_while_the_old_one_is_kept():
    with override_settings(SECRET_KEY="old " * 20):
        _, first = program()
    with override_settings(SECRET_KEY="new " * 20, SECRET_KEY_FALLBACKS=["old " * 20]):
        assert read_access(first.access)
        assert refreshed(first.refresh)
    with override_settings(SECRET_KEY="new " * 20), pytest.raises(CredentialRefused):
        read_access(first.access)


def test_the_family_ends_even_where_the_caller_would_roll_back():
    """Inside a transaction that the refusal rolls back, the session would live on: so it is refused to start."""
    _, first = program()
    customer = make.customer()
    with pytest.raises(RuntimeError, match="durable"), acting_in(customer):
        refreshed(first.refresh)
