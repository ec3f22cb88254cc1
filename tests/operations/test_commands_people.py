"""`suspend_person`, `resume_person` and `reset_second_factor`: what an operator does to one person."""

import pyotp
import pytest

from payerwatch.members.models import Person, Session
from payerwatch.members.second_factor import confirm_second_factor, has_second_factor, start_second_factor
from tests.make import ACTOR, answer, words
from tests.members.credentials import PASSWORD, person, session
from tests.members.places import verbs_of_installation

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Person:
    return person("Ada")


def test_a_person_is_kept_out_and_let_in_again(ada: Person):
    session(ada)
    kept_out = answer("suspend_person", "--email", f" {ada.email.upper()} ", customer=None).document
    assert (kept_out["person"], kept_out["suspended_at"] is None) == (ada.public_id, False)
    assert Session.objects.get().ended_because == "suspended"
    assert answer("resume_person", "--email", ada.email, customer=None).document["suspended_at"] is None
    ada.refresh_from_db()
    assert ada.suspended_at is None
    assert verbs_of_installation(ada.public_id) == ["sign_out", "suspend", "resume"]


def test_a_lost_second_factor_is_taken_away_and_the_sessions_end(ada: Person):
    enrolment = start_second_factor(ada, password=PASSWORD, actor=ACTOR)
    confirm_second_factor(ada, pyotp.TOTP(enrolment.secret).now(), actor=ACTOR)
    session(ada)
    done = answer("reset_second_factor", "--email", ada.email, customer=None)
    assert done.document["has_second_factor"] is False
    assert not has_second_factor(ada)
    assert Session.objects.get().ended_because == "second_factor_changed"
    assert verbs_of_installation(ada.public_id)[-1] == "reset_second_factor"
    assert answer("reset_second_factor", "--email", ada.email, customer=None).error["code"] == "no_second_factor"


@pytest.mark.parametrize("command", ["suspend_person", "resume_person", "reset_second_factor"])
def test_nobody_of_the_address_is_refused(command: str):
    assert answer(command, "--email", "nobody@example.com", customer=None).error["code"] == "unknown_person"
    assert answer(command, "--email", "nobody", customer=None).error["code"] == "email_unusable"


@pytest.mark.parametrize("command", ["suspend_person", "resume_person"])
def test_a_person_reads_who_it_was(ada: Person, command: str):
    assert ada.email in words(command, "--email", ada.email, customer=None)
