"""Batches that programs send: taken at once, brought once, signed where a secret is set, watched by their sender."""

import json
from typing import Any

import pytest

from payerwatch import receiving
from payerwatch.claims.models import Claim
from payerwatch.tenancy.context import acting_in
from tests.api.world import Answer, Headers, World, as_key, ask
from tests.make import Row, row

pytestmark = pytest.mark.django_db(transaction=True)

BATCHES = "/api/v1/ingest/claims/"
NDJSON = "application/x-ndjson"
OWN_NAMES = {
    "number": "claim_number", "payer": "payer", "cpt": "cpt", "service": "service_date", "submitted": "submitted_date",
    "decided": "decided_date", "status": "outcome", "billed": "billed_amount", "allowed": "allowed_amount",
    "paid": "paid_amount", "reason": "denial_reason",
}  # fmt: skip


def lines(*rows: Row) -> bytes:
    """The rows as JSON lines, under our own names of fields."""
    return b"".join(
        json.dumps({OWN_NAMES[name]: cell for name, cell in each.items()}).encode() + b"\n" for each in rows
    )


def send(headers: Headers, body: bytes, name: str = "", **more: str) -> Answer:
    named = {"Idempotency-Key": name} if name else {}
    return ask({**headers, **named, **more}, "POST", BATCHES, body=body, content_type=NDJSON)


def test_a_batch_is_taken_loaded_and_watched_by_a_key_that_can_only_load(world: World):
    sender = as_key(world.own, "claims.load")
    sent = send(sender, lines(row(number="A1"), row(number="A2"), row(number="A3", cpt="none")), "first")
    assert (sent.status, sent.document["state"], sent.document["repeated"]) == (202, "received", False)
    where = dict(sent.headers)["Location"]
    assert where == f"{BATCHES}{sent.document['id']}/"
    receiving.load_received(world.own.customer.pk, sent.document["id"])
    batch: Any = ask(sender, "GET", where).document
    assert (batch["state"], batch["rows"], batch["accepted"], batch["set_aside"]) == ("loaded", 3, 2, 1), batch
    assert batch["rejected_rows"] == f"/api/v1/uploads/{batch['id']}/rejected-rows/"
    with acting_in(world.own.customer):
        assert Claim.objects.filter(claim_key__in=["A1", "A2"], upload__public_id=batch["id"]).count() == 2
