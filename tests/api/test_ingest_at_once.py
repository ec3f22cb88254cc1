"""One batch sent by many at the same moment, and by some with another body: it is brought once, as the first had it."""

import threading
from collections import Counter
from typing import Any

import pytest
from django.test import Client

from payerwatch import receiving
from payerwatch.claims import batch_names
from payerwatch.claims.models import BatchName, Upload
from payerwatch.tenancy.context import acting_in
from tests.api.test_ingest import BATCHES, NDJSON, lines
from tests.api.world import Headers, World, as_key, ask
from tests.make import row
from tests.together import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.proof,
    pytest.mark.usefixtures("quiet"),
]

THREADS = 20


def sent_together(headers: Headers, name: str, bodies: int) -> Counter[int]:
    """How often each status was answered, to senders who between them have so many bodies."""
    answers: Counter[int] = Counter()
    lock = threading.Lock()

    def send(number: int) -> None:
        client = Client(raise_request_exception=False, headers={**headers, "Idempotency-Key": name})
        body = b"{}\n" * (1 + number % bodies)
        answer = client.post(BATCHES, body, content_type=NDJSON)
        with lock:
            answers[answer.status_code] += 1

    at_once(THREADS, send)
    return answers


def batches(world: World) -> int:
    with acting_in(world.own.customer):
        return Upload.objects.filter(source=Upload.Source.INGEST, state=Upload.State.RECEIVED).count()


@pytest.mark.parametrize("seed", range(5))
def test_sent_by_many_at_once_it_is_brought_once(seed: int, world: World):
    answers = sent_together(as_key(world.own, "claims.load"), f"batch {seed}", 1)
    assert (answers, batches(world)) == ({202: 1, 200: THREADS - 1}, 1)


@pytest.mark.parametrize("seed", range(5))
def test_of_several_bodies_under_one_name_one_is_brought_and_each_other_is_counted(seed: int, world: World):
    answers = sent_together(as_key(world.own, "claims.load"), f"batch {seed}", 2)
    assert (answers[202], answers[200] + answers[409], batches(world)) == (1, THREADS - 1, 1)
    with acting_in(world.own.customer):
        assert BatchName.objects.exclude(conflicts=0).get().conflicts == answers[409] > 0


def test_a_batch_that_is_loaded_while_it_is_sent_again_is_shown(world: World, monkeypatch: pytest.MonkeyPatch):
    """Who sends it again may wait for the trail behind the load, which has replaced the row by then."""
    sender, body = {**as_key(world.own, "claims.load"), "Idempotency-Key": "batch"}, lines(row(number="A1"))
    first = ask(sender, "POST", BATCHES, body=body, content_type=NDJSON)
    record = receiving.record

    def record_behind_the_load(*about: Any, **more: Any) -> None:
        monkeypatch.setattr(receiving, "record", record)
        at_once(1, lambda _: receiving.load_received(world.own.customer.pk, first.document["id"]))
        record(*about, **more)

    monkeypatch.setattr(receiving, "record", record_behind_the_load)
    again = ask(sender, "POST", BATCHES, body=body, content_type=NDJSON)
    assert (again.status, again.document["id"], again.document["state"]) == (200, first.document["id"], "loaded")


def test_without_the_guard_it_is_brought_more_than_once(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batch_names, "named", lambda *_: None)
    monkeypatch.setattr(batch_names, "keep", lambda *_: None)
    assert sent_together(as_key(world.own, "claims.load"), "batch", 1)[202] > 1
    assert batches(world) > 1


def test_without_the_lock_the_table_itself_lets_no_second_one_in(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batch_names, "hold", lambda _name: None)
    sent_together(as_key(world.own, "claims.load"), "batch", 1)
    assert batches(world) == 1
