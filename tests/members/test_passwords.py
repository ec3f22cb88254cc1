"""Passwords: which may be one, that they are stored as Argon2id, and what changing one ends."""

import pytest
from django.conf import settings as active
from django.contrib.auth.hashers import identify_hasher

from payerwatch.config import settings as product
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.models import PasswordReset, Session
from payerwatch.members.passwords import (
    PasswordUnusable,
    PasswordWrong,
    change_password,
    password_hash,
    password_matches,
)
from tests.make import ACTOR
from tests.members.credentials import PASSWORD, person, session
from tests.members.places import verbs_of_installation

GOOD = "seven grey herons wade"


@pytest.mark.pure
@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "12"),
        ("eleven char", "12"),
        ("qwertyqwerty", "common"),
        ("918273645546372819", "numeric"),
        ("adalovelace12", "similar"),
        ("ada.lovelace@example.com", "similar"),
        ("x" * 129, "128"),
        ("long enough\x00 with a nul", "printable"),
        ("long enough \ud800 with half a letter", "printable"),
    ],
)
def test_a_password_that_is_easily_guessed_or_cannot_be_hashed_is_refused(password: str, why: str):
    with pytest.raises(PasswordUnusable, match=why) as refused:
        password_hash(password, email="ada.lovelace@example.com", name="Ada Lovelace")
    assert password not in str(refused.value) or not password


@pytest.mark.pure
@pytest.mark.parametrize("password", [GOOD, "x" * 64 + "y" * 64, "пароль из шести слов", "  blanks count here  "])
def test_a_long_password_of_any_letters_is_stored_and_matches_itself_alone(password: str):
    stored = password_hash(password, email="a@example.com", name="Ada")
    assert stored.startswith("argon2$argon2id$")
    assert password_matches(password, stored)
    assert not password_matches(password.strip() + "!", stored)
    assert not password_matches(password, "")


@pytest.mark.pure
def test_what_is_too_long_is_not_hashed_at_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("payerwatch.members.passwords.check_password", None)
    monkeypatch.setattr("payerwatch.members.passwords.make_password", None)
    assert not password_matches("x" * 129, "argon2$whatever")
    assert not password_matches("x" * 129, "")


@pytest.mark.pure
def test_the_product_hashes_at_full_cost_and_tests_do_not():
    assert product.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    assert active.PASSWORD_HASHERS == ["tests.hashers.CheapArgon2"]
    assert identify_hasher(password_hash(GOOD, email="a@example.com", name="Ada")).algorithm == "argon2"


@pytest.mark.django_db
def test_changing_the_password_ends_the_other_sessions_and_kills_links(mailoutbox, django_capture_on_commit_callbacks):
    ada = person()
    here, _ = session(ada)
    there, _ = session(ada)
    reset = PasswordReset.objects.create(person=ada, digest="d", expires_at=here.expires_at)
    with django_capture_on_commit_callbacks(execute=True):
        change_password(ada, PASSWORD, GOOD, actor=ACTOR, keeping=here)
    ada.refresh_from_db()
    assert password_matches(GOOD, ada.password)
    assert ada.password_changed_at is not None
    assert list(Session.objects.filter(ended_at=None)) == [here]
    there.refresh_from_db()
    assert there.ended_because == "password_changed"
    reset.refresh_from_db()
    assert reset.used_at is not None
    assert verbs_of_installation(ada.public_id) == ["sign_out", "change_password"]
    assert [message.to for message in mailoutbox] == [[ada.email]]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("current", "new", "refusal"), [("wrong", GOOD, PasswordWrong), (PASSWORD, "short", PasswordUnusable)]
)
def test_a_refused_change_changes_nothing(current: str, new: str, refusal: type[Exception]):
    ada = person()
    session(ada)
    with pytest.raises(refusal):
        change_password(ada, current, new, actor=ACTOR)
    ada.refresh_from_db()
    assert password_matches(PASSWORD, ada.password)
    assert Session.objects.filter(ended_at=None).count() == 1


@pytest.mark.django_db
def test_a_password_changed_meanwhile_is_not_changed_by_who_knew_the_old_one():
    ada = person()
    stale = type(ada).objects.get(pk=ada.pk)
    change_password(ada, PASSWORD, GOOD, actor=ACTOR)
    with pytest.raises(PasswordWrong):
        change_password(stale, PASSWORD, "another long password", actor=ACTOR)
    ada.refresh_from_db()
    assert password_matches(GOOD, ada.password)


@pytest.mark.django_db
def test_the_present_password_cannot_be_guessed_by_changing_it():
    ada = person()
    for _ in range(5):
        with pytest.raises(PasswordWrong):
            change_password(ada, "a wrong guess at it", GOOD, actor=ACTOR)
    with pytest.raises(TooManyGuesses):
        change_password(ada, PASSWORD, GOOD, actor=ACTOR)
