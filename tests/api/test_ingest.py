"""Batches that programs send: taken at once, brought once, signed where a secret is set, watched by their sender."""

import csv
import io
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from payerwatch import receiving
from payerwatch.audit.models import Entry
from payerwatch.claims import arrivals
from payerwatch.claims.models import BatchName, Claim, Upload, UploadSlice
from payerwatch.claims.slices import piece_at
from payerwatch.deliveries.endpoints import add_endpoint
from payerwatch.deliveries.models import Message
from payerwatch.members.ingest_secrets import secrets_in_force
from payerwatch.members.models import IngestSecret, KeptAnswer, Member
from payerwatch.tenancy.context import acting_in
from tests.api.makers import Practice
from tests.api.world import Answer, Headers, World, as_key, as_person, ask
from tests.make import ACTOR, HEADERS, Row, denied, pending, row

pytestmark = pytest.mark.django_db(transaction=True)

BATCHES, SECRET, UPLOADS = "/api/v1/ingest/claims/", "/api/v1/ingest/secret/", "/api/v1/uploads/"
NDJSON, CSV = "application/x-ndjson", "text/csv"
OWN_NAMES = {
    "number": "claim_number", "payer": "payer", "cpt": "cpt", "service": "service_date", "submitted": "submitted_date",
    "decided": "decided_date", "status": "outcome", "billed": "billed_amount", "allowed": "allowed_amount",
    "paid": "paid_amount", "reason": "denial_reason",
}  # fmt: skip


SAID = [
    "claim_key", "submitted_date", "service_date", "cpt", "cpt_group", "billed_amount", "allowed_amount", "paid_amount",
    "outcome", "status", "decided_date", "denial_code", "denial_category", "first_outcome", "first_decided_date",
]  # fmt: skip


def lines(*rows: Row) -> bytes:
    """The rows as JSON lines, under our own names of fields."""
    said = [{OWN_NAMES[name]: cell for name, cell in each.items()} for each in rows]
    return b"".join(json.dumps(each).encode() + b"\n" for each in said)


def send(headers: Headers, body: bytes, name: str = "", kind: str = NDJSON, **more: str) -> Answer:
    named = {"Idempotency-Key": name} if name else {}
    said = {each.replace("_", "-"): value for each, value in more.items()}
    return ask({**headers, **named, **said}, "POST", BATCHES, body=body, content_type=kind)


def load(practice: Practice, sent: Answer) -> Any:
    """The batch once it is loaded, as its sender sees it."""
    assert sent.status == 202, sent
    receiving.load_received(practice.customer.pk, sent.document["id"])
    return watched(practice, sent.document["id"])


def watched(practice: Practice, public_id: str) -> Any:
    return ask(loader(practice), "GET", f"{BATCHES}{public_id}/").document


def loader(practice: Practice) -> Headers:
    return as_key(practice, "claims.load")


def owner(world: World) -> Headers:
    return as_person(world.own.people["owner"], world.own.customer)


def count(practice: Practice, model: Any, **which: Any) -> int:
    with acting_in(practice.customer):
        return int(model.objects.filter(**which).count())


def entries_since(practice: Practice, before: int) -> list[tuple[str, str, str]]:
    with acting_in(practice.customer):
        found = Entry.objects.filter(position__gt=before).order_by("position")
        return [(each.verb, each.thing_id, each.outcome) for each in found]


# From one request to claims


def test_a_batch_is_taken_loaded_and_watched_by_a_key_that_can_only_load(world: World):
    sent = send(loader(world.own), lines(row(number="A1"), row(number="A2"), row(number="A3", cpt="none")), "first")
    assert (sent.status, sent.document["state"], sent.document["repeated"]) == (202, "received", False)
    assert dict(sent.headers)["Location"] == f"{BATCHES}{sent.document['id']}/"
    batch = load(world.own, sent)
    assert (batch["state"], batch["rows"], batch["accepted"], batch["set_aside"]) == ("loaded", 3, 2, 1), batch
    assert (batch["new_claims"], batch["updated_claims"], batch["reasons"]) == (2, 0, {"cpt_missing": 1})
    assert batch["rejected_rows"] == f"{UPLOADS}{batch['id']}/rejected-rows/"
    assert "cpt_missing" in ask(owner(world), "GET", batch["rejected_rows"]).body.decode("utf-8-sig").splitlines()[1]
    assert count(world.own, Claim, claim_key__in=["A1", "A2"], upload__public_id=batch["id"]) == 2


def test_a_batch_is_an_upload_that_people_see_and_take_back(world: World):
    batch = load(world.own, send(loader(world.own), lines(row(number="A1"))))
    shown = ask(owner(world), "GET", f"{UPLOADS}{batch['id']}/").document
    assert (shown["source"], shown["form"], shown["filename"]) == ("ingest", "ndjson", "batch.ndjson")
    undone = ask(owner(world), "POST", f"{UPLOADS}{batch['id']}/undo/")
    assert (undone.status, undone.document["removed_claims"]) == (200, 1)
    assert watched(world.own, batch["id"])["state"] == "undone"


def test_csv_is_taken_as_it_is_from_files(world: World):
    body = ",".join(HEADERS.values()) + "\r\n" + ",".join(row(number="A7").values()) + "\r\n"
    batch = load(world.own, send(loader(world.own), body.encode(), kind=f"{CSV}; charset=utf-8"))
    assert (batch["state"], batch["form"], batch["accepted"]) == ("loaded", "csv", 1), batch


def test_the_same_rows_as_csv_and_as_json_lines_load_the_same_claims(world: World):
    rows = [
        *(make(number=f"{n}", payer=payer, billed=billed) for make in (row, denied, pending)
          for n, (payer, billed) in enumerate((("Aetna", "1,200.50"), ("Münchener", "7"), ('The "Plan", Inc', "")))),
        row(number=""), row(number=""), row(number="0", cpt="97110"), row(cpt="none"), row(payer=""),
    ]  # fmt: skip
    out = io.StringIO()
    table = csv.DictWriter(out, list(OWN_NAMES))
    table.writer.writerow(OWN_NAMES.values())
    table.writerows(rows)
    found = []
    for practice, body, kind in ((world.own, out.getvalue().encode(), CSV), (world.other, lines(*rows), NDJSON)):
        batch = load(practice, send(loader(practice), body, kind=kind))
        with acting_in(practice.customer):
            claims = Claim.objects.filter(upload__public_id=batch["id"]).order_by("claim_key", "submitted_date")
            found.append((batch["reasons"], list(claims.values(*SAID, "payer__name"))))
    assert found[0] == found[1]
    assert len(found[0][1]) == 5


def test_a_mapping_and_an_order_of_dates_are_said_in_headers(world: World):
    odd = {**{OWN_NAMES[name]: cell for name, cell in row(number="A8").items()}, "Who": "Cigna", "payer": "x"}
    odd |= {"submitted_date": "03/04/2026", "decided_date": "05/04/2026"}
    said = {"Claims_Mapping": '{"payer": "Who"}', "Claims_Date_Order": "dmy"}
    batch = load(world.own, send(loader(world.own), json.dumps(odd).encode(), **said))
    assert (batch["mapping"]["payer"], batch["date_order"], batch["accepted"]) == ("Who", "dmy", 1), batch


@pytest.mark.parametrize("said", [{"Claims_Mapping": "payer=Who"}, {"Claims_Date_Order": "dym"}])
def test_a_mapping_or_an_order_that_is_none_is_refused(said: dict[str, str], world: World):
    answer = send(loader(world.own), lines(row()), **said)
    assert (answer.status, answer.document["code"]) == (400, "invalid")


def test_a_later_batch_with_the_same_claim_changes_it(world: World):
    load(world.own, send(loader(world.own), lines(row(number="A1"))))
    batch = load(world.own, send(loader(world.own), lines(row(number="A1", paid="70.00"))))
    assert (batch["new_claims"], batch["updated_claims"]) == (0, 1)


def test_what_cannot_be_loaded_is_told_by_the_batch(world: World):
    for body, code in (
        (b"", "file_empty"),
        (b"payer,cpt", "json_object_missing"),
        (lines(row(cpt="")), "nothing_accepted"),
    ):
        batch = load(world.own, send(loader(world.own), body))
        assert (batch["state"], batch["refusal"]["code"]) == ("refused", code)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_a_body_of_another_kind_is_refused(kind: str, world: World):
    answer = send(loader(world.own), b"{}", kind=kind)
    assert (answer.status, answer.document["code"]) == (415, "unsupported_media_type")


def test_the_bytes_wait_sealed(world: World):
    body = lines(row(number="A1", payer="Very Special Payer"))
    sent = send(loader(world.own), body)
    with acting_in(world.own.customer):
        upload = Upload.objects.get(public_id=sent.document["id"])
        (piece,) = UploadSlice.objects.filter(upload=upload)
        assert b"Special" not in bytes(piece.sealed)
        assert piece_at(upload, UploadSlice.Kind.CONTENT, 0) == body


def test_a_file_of_a_person_is_no_batch(world: World):
    with acting_in(world.own.customer):
        upload = Upload.objects.filter(source=Upload.Source.FILE).first()
    assert ask(loader(world.own), "GET", f"{BATCHES}{upload.public_id}/").status == 404


def test_no_more_than_some_batches_wait_and_files_have_room_of_their_own(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrivals, "MOST_BATCHES_WAITING", 2)
    sender = loader(world.own)
    answers = [send(sender, lines(row(number=f"A{n}")), f"batch {n}") for n in range(3)]
    assert [each.status for each in answers] == [202, 202, 429]
    assert answers[2].document["code"] == "too_many_batches_waiting"
    with acting_in(world.own.customer):
        assert receiving.receive(b"x", arrivals.Asked("file.csv"), actor=receiving.JOB).state == "received"
    receiving.load_received(world.own.customer.pk, answers[0].document["id"])
    assert send(sender, lines(row(number="A2")), "batch 2").status == 202


def test_a_few_large_batches_are_as_many(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(arrivals, "MOST_BATCH_BYTES_WAITING", 100)
    assert [send(loader(world.own), lines(row(number=f"A{n}"))).status for n in range(2)] == [202, 429]


# Brought once


def test_sent_again_it_is_the_same_batch_and_brings_nothing(world: World):
    body, before = lines(row(number="A1")), count(world.own, Entry)
    first = send(loader(world.own), body, "first")
    again = send(loader(world.own), body, "first")
    assert (again.status, again.document["id"], again.document["repeated"]) == (200, first.document["id"], True)
    assert dict(again.headers)["Location"] == dict(first.headers)["Location"]
    load(world.own, first)
    after = send(loader(world.own), body, "first")
    assert (after.status, after.document["id"], after.document["state"]) == (200, first.document["id"], "loaded")
    assert [each[0] for each in entries_since(world.own, before) if each[0] in ("receive", "replay")] == [
        "receive", "replay", "replay",
    ]  # fmt: skip
    assert count(world.own, Claim, claim_key="A1") == 1


def test_a_name_is_remembered_where_no_answer_is_kept(world: World):
    first = send(loader(world.own), lines(row()), "first")
    assert count(world.own, KeptAnswer) == 0
    assert send(loader(world.own), lines(row()), "first").document["id"] == first.document["id"]


def test_any_caller_of_the_customer_and_nobody_elses_has_the_name(world: World):
    body = lines(row(number="A1"))
    first = send(loader(world.own), body, "first").document
    assert send(owner(world), body, "first").document["id"] == first["id"]
    other = send(as_key(world.other, "claims.load"), body, "first")
    assert (other.status, other.document["id"] == first["id"]) == (202, False)


@pytest.mark.parametrize("loaded", [False, True])
def test_the_same_name_with_another_body_is_refused_counted_and_recorded(loaded: bool, world: World):
    sender, body = loader(world.own), lines(row(number="A1"))
    first = send(sender, body, "first")
    if loaded:
        load(world.own, first)
    before = count(world.own, Entry)
    for times in (1, 2):
        answer = send(sender, body + b"\n", "first")
        assert (answer.status, answer.document["code"]) == (409, "batch_changed")
        assert first.document["id"] in answer.document["detail"]
        batch = watched(world.own, first.document["id"])
        assert (batch["conflicts"], batch["last_conflict_at"] is not None) == (times, True)
    refused = [each for each in entries_since(world.own, before) if each[0] == "receive"]
    assert refused == [("receive", first.document["id"], "refused")] * 2
    assert count(world.own, Upload, source=Upload.Source.INGEST, size_bytes=len(body) + 1) == 0


def test_the_same_body_to_be_read_otherwise_is_another(world: World):
    body = lines(row(number="A1"))
    send(loader(world.own), body, "first")
    for otherwise in ({"kind": CSV}, {"Claims_Date_Order": "dmy"}, {"Claims_Mapping": '{"payer": "payer"}'}):
        assert send(loader(world.own), body, "first", **otherwise).status == 409


def test_those_who_look_after_endpoints_hear_of_a_conflict_once_a_day(world: World):
    with acting_in(world.own.customer):
        endpoint = add_endpoint("https://hooks.example.com/", event_types=["ingest.conflict"], actor=ACTOR).endpoint
    first = send(loader(world.own), b"{}", "first").document["id"]
    for other in (b"[]", b"[1]"):
        assert send(loader(world.own), other, "first").status == 409
    with acting_in(world.own.customer):
        told = Message.objects.filter(type="ingest.conflict")
        assert {each.about for each in told} == {first}
        lanes = [each.lane for each in told]
        assert endpoint.public_id in lanes
        assert len(set(lanes)) == len(lanes)
        managers = Member.objects.filter(role__in=("owner", "admin"), state="active").count()
        assert told.exclude(recipient=None).count() == managers > 0
        BatchName.objects.update(told_at=F("told_at") - timedelta(days=1))
    assert send(loader(world.own), b"[2]", "first").status == 409
    with acting_in(world.own.customer):
        assert Message.objects.filter(type="ingest.conflict").count() == 2 * len(lanes)


def test_without_a_name_the_same_bytes_are_known_when_they_are_loaded(world: World):
    body = lines(row(number="A1"))
    first, second = (load(world.own, send(loader(world.own), body)) for _ in range(2))
    assert (second["state"], second["repeats"]) == ("repeated", first["id"])


@pytest.mark.parametrize("name", ["x" * 256, "na\tme", "n\xe4me"])
@pytest.mark.parametrize("header", ["Idempotency-Key", "webhook-id"])
def test_what_cannot_be_a_name_is_refused(name: str, header: str, world: World):
    answer = send(loader(world.own), b"{}", **{header: name})
    assert (answer.status, answer.document["code"]) == (400, "batch_name_unusable")


def test_two_names_are_refused_unless_they_are_one(world: World):
    answer = send(loader(world.own), b"{}", "one", webhook_id="other")
    assert (answer.status, answer.document["code"]) == (400, "batch_named_twice")
    assert send(loader(world.own), b"{}", "one", webhook_id="one").status == 202
    assert send(loader(world.own), b"{}", "one").document["repeated"]


def test_neither_the_name_nor_what_was_sent_can_be_read_from_what_is_kept(world: World):
    sent = send(loader(world.own), lines(row()), "claim 4711")
    with acting_in(world.own.customer):
        kept = BatchName.objects.filter(public_id=sent.document["id"]).values().get()
        assert "4711" not in str(kept)
        assert Upload.objects.get(public_id=sent.document["id"]).digest not in str(kept)
        assert not any("4711" in entry.detail for entry in Entry.objects.all())


def test_a_name_outlives_a_change_of_the_secret_key_while_the_old_one_is_kept(world: World, settings: Any):
    sender, body = loader(world.own), lines(row())
    first = send(sender, body, "first")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, [settings.SECRET_KEY]
    assert send(sender, body, "first").document["id"] == first.document["id"]
    assert send(sender, body + b"\n", "first").status == 409


# Signed


def make_secret(world: World, hours: int = 24) -> str:
    answer = ask(owner(world), "POST", SECRET, body={"overlap_hours": hours})
    assert answer.status == 201, answer
    return str(answer.document["secret"])


def signed(secret: str, body: bytes, name: str = "msg_1", seconds_ago: int = 0) -> dict[str, str]:
    """The headers of the library that senders use."""
    at = int(time.time()) - seconds_ago
    signature = Webhook(secret).sign(name, datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook_id": name, "webhook_timestamp": str(at), "webhook_signature": signature}


def test_while_a_secret_is_set_only_what_is_signed_is_taken(world: World):
    sender, body, secret = loader(world.own), lines(row(number="A1")), make_secret(world)
    assert code_of(send(sender, body, "first")) == (401, "signature_missing")
    sent = send(sender, body, **signed(secret, body))
    assert (sent.status, send(sender, body, **signed(secret, body)).document["repeated"]) == (202, True)
    changed = body.replace(b"A1", b"A2")
    assert code_of(send(sender, changed, **signed(secret, body))) == (401, "signature_wrong")
    assert code_of(send(sender, changed, **signed(secret, changed))) == (409, "batch_changed")


def test_who_has_a_key_and_not_the_secret_is_on_the_record(world: World):
    sender = loader(world.own)
    make_secret(world)
    before = count(world.own, Entry)
    send(sender, b"{}", "first")
    assert entries_since(world.own, before) == [("receive", "", "refused")]
    with acting_in(world.own.customer):
        assert '"code":"signature_missing"' in Entry.objects.get(position=before + 1).detail


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.document["code"]


@pytest.mark.parametrize("seconds", [-310, 310])
def test_what_was_signed_at_another_time_is_refused(seconds: int, world: World):
    body, secret = lines(row()), make_secret(world)
    answer = send(loader(world.own), body, **signed(secret, body, seconds_ago=seconds))
    assert code_of(answer) == (401, "signature_stale")


@pytest.mark.parametrize("place", [0, 7, -1])
def test_one_other_byte_is_refused(place: int, world: World):
    body, secret = bytearray(lines(row())), make_secret(world)
    headers = signed(secret, bytes(body))
    body[place] ^= 1
    assert code_of(send(loader(world.own), bytes(body), **headers)) == (401, "signature_wrong")


def test_another_name_than_the_one_that_was_signed_is_refused(world: World):
    body, secret = lines(row()), make_secret(world)
    headers = {**signed(secret, body), "webhook_id": "msg_2"}
    assert code_of(send(loader(world.own), body, **headers)) == (401, "signature_wrong")


def test_who_signs_still_needs_a_key_that_may_load(world: World):
    body, secret = lines(row()), make_secret(world)
    assert send(as_key(world.own, "claims.read"), body, **signed(secret, body)).status == 403
    assert send({}, body, **signed(secret, body)).document["code"] == "caller_not_known"


def test_after_a_rotation_the_old_secret_is_good_until_the_overlap_ends(world: World):
    sender, old = loader(world.own), make_secret(world)
    new = make_secret(world, hours=1)
    for name, secret in (("one", old), ("two", new)):
        body = lines(row(number=name))
        assert send(sender, body, **signed(secret, body, name)).status == 202
    with acting_in(world.own.customer):
        IngestSecret.objects.exclude(ends_at=None).update(ends_at=timezone.now())
    assert code_of(send(sender, b"{}", **signed(old, b"{}", "three"))) == (401, "signature_wrong")
    assert send(sender, b"{}", **signed(new, b"{}", "three")).status == 202


def test_a_secret_is_rotated_again_only_once_the_overlap_has_ended_or_to_end_it(world: World):
    first, second = make_secret(world), make_secret(world)
    answer = ask(owner(world), "POST", SECRET, body={"overlap_hours": 24})
    assert code_of(answer) == (409, "ingest_secret_rotated_already")
    third = make_secret(world, hours=0)
    with acting_in(world.own.customer):
        assert secrets_in_force() == [third]
    assert len({first, second, third}) == 3


def test_a_secret_is_shown_once_kept_sealed_and_on_record_without_its_text(world: World):
    before = count(world.own, Entry)
    secret = make_secret(world)
    shown = ask(owner(world), "GET", SECRET)
    assert (shown.document["is_set"], shown.document["old_ends_at"], secret in shown.text) == (True, None, False)
    make_secret(world)
    assert ask(owner(world), "GET", SECRET).document["old_ends_at"] is not None
    assert ask(owner(world), "DELETE", SECRET).status == 204
    assert code_of(ask(owner(world), "DELETE", SECRET)) == (404, "ingest_secret_not_set")
    done = [each[0] for each in entries_since(world.own, before) if each[2] == "done"]
    assert done == ["set", "rotate", "remove"]
    with acting_in(world.own.customer):
        assert not any(secret in entry.detail for entry in Entry.objects.all())
        assert not IngestSecret.objects.exists()
    assert send(loader(world.own), b"{}").status == 202


def test_what_is_kept_of_a_secret_says_nothing_of_it(world: World):
    secret = make_secret(world)
    with acting_in(world.own.customer):
        kept = IngestSecret.objects.get().secret
        assert secret not in kept
        assert secret.removeprefix("whsec_") not in kept
        assert secrets_in_force() == [secret]


def test_a_secret_of_one_customer_signs_for_no_other(world: World):
    body, secret = lines(row()), make_secret(world)
    other = as_key(world.other, "claims.load")
    assert send(other, body).status == 202
    with acting_in(world.own.customer):
        theirs = IngestSecret.objects.get().secret
    with acting_in(world.other.customer):
        IngestSecret.objects.create(secret=theirs)
    assert code_of(send(other, body, **signed(secret, body))) == (503, "seal_broken")
