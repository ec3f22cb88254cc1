"""What is kept of an answer for who lost it: sealed, bound to its row, and forgotten in its time."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from payerwatch.members.kept_answers import KEPT_FOR
from payerwatch.members.models import KeptAnswer
from payerwatch.schedule import forget_old_answers
from payerwatch.tenancy.context import acting_in
from tests.api.asking_once import GUEST, INVITE, KEYS, NEW_KEY, is_replayed, kept, once, owner_of
from tests.api.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_of_the_answer_the_key_or_what_was_sent_can_be_read_in_the_table(world: World):
    """In an installation without field keys too."""
    assert not settings.FIELD_KEYS
    headers = owner_of(world)
    secret = once(headers, KEYS, NEW_KEY, "a-key-of-mine").document["key"]
    (row,) = kept(world.own)
    stored = f"{row.digest} {row.payload} {row.answer}"
    assert row.answer.startswith("pw1:secret-key:")
    assert [each for each in (secret, "a-key-of-mine", "nightly", "first") if each in stored] == []


def test_a_kept_answer_moved_to_another_row_opens_nowhere(world: World):
    headers = owner_of(world)
    once(headers, KEYS, NEW_KEY, "one")
    once(headers, KEYS, NEW_KEY, "two")
    with acting_in(world.own.customer):
        one, two = KeptAnswer.objects.order_by("pk")
        KeptAnswer.objects.filter(pk=one.pk).update(answer=two.answer)
    answer = once(headers, KEYS, NEW_KEY, "one")
    assert (answer.status, answer.document["code"]) == (503, "seal_broken")


def test_changing_the_secret_key_makes_nothing_be_done_twice(world: World):
    """As long as the one before still counts."""
    headers = owner_of(world)
    first = once(headers, INVITE, GUEST)
    old = settings.SECRET_KEY
    with override_settings(SECRET_KEY="another key of this installation, which is long", SECRET_KEY_FALLBACKS=[old]):
        again = once(owner_of(world), INVITE, GUEST)
    assert is_replayed(again)
    assert first.body == again.body


def test_kept_answers_follow_when_field_keys_are_rotated(world: World, capsys: pytest.CaptureFixture[str]):
    headers = owner_of(world)
    first = once(headers, KEYS, NEW_KEY)
    with override_settings(FIELD_KEYS={"new": b"n" * 32}):
        call_command("rotate_field_keys", json=True)
        assert json.loads(capsys.readouterr().out)["kept_answers"] == 1
        call_command("rotate_field_keys", json=True)
        assert json.loads(capsys.readouterr().out)["kept_answers"] == 0
        (row,) = kept(world.own)
        assert row.answer.startswith("pw1:new:")
        assert once(headers, KEYS, NEW_KEY).body == first.body


def test_after_thirty_days_the_key_is_new_again_and_old_answers_are_forgotten(world: World):
    headers = owner_of(world)
    for key in ("first", "old"):
        once(headers, INVITE, GUEST, key)
    with acting_in(world.own.customer):
        KeptAnswer.objects.update(kept_at=timezone.now() - KEPT_FOR - timedelta(seconds=1))
    answer = once(headers, INVITE, GUEST)
    assert (answer.status, is_replayed(answer), len(kept(world.own))) == (201, False, 1)


def test_at_night_old_answers_are_forgotten_though_nobody_asks_and_younger_ones_stay(world: World):
    headers = owner_of(world)
    for key in ("first", "old"):
        once(headers, INVITE, GUEST, key)
    young = kept(world.own)[0]
    with acting_in(world.own.customer):
        others = KeptAnswer.objects.exclude(pk=young.pk)
        others.update(kept_at=timezone.now() - KEPT_FOR - timedelta(seconds=1))
    forget_old_answers()
    assert [each.pk for each in kept(world.own)] == [young.pk]


# The guard, switched off
