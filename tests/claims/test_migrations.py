"""Uploads have a place whoever adds them; batches, and how pieces are stored, come and go."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from payerwatch import receiving
from payerwatch.claims import batch_names
from payerwatch.claims.arrivals import Asked
from payerwatch.claims.models import BatchName, Upload, UploadSlice
from payerwatch.claims.slices import content_of
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.caught import catch_steps
from tests.make import ACTOR, answer, claims_file, row
from tests.make import customer as make_customer
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)

OF_EACH_SEAL = 12 + 16  # bytes of nonce and tag


@pytest.fixture
def practices(tmp_path: Path) -> Iterator[list[Customer]]:
    """Two, each with two files loaded by a command."""
    made = [make_customer("One"), make_customer("Two")]
    for practice in made:
        for number in ("C1", "C2"):
            assert answer("load", claims_file(tmp_path, [row(number=number)]), customer=practice.name).code == 0
    yield made
    call_command("migrate", verbosity=0)


def test_code_that_knows_no_place_can_still_add_an_upload(practices: list[Customer]):
    columns = ", ".join(
        field.column for field in Upload._meta.local_fields if field.name not in ("id", "public_id", "arrived_at")
    )
    before = timezone.now()
    with acting_in(practices[0]), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO claims_upload (public_id, {columns}) "
            f"SELECT 'upl_of_old_code', {columns} FROM claims_upload WHERE customer_id = %s LIMIT 1",
            [practices[0].pk],
        )
        placed = Upload.objects.get(public_id="upl_of_old_code").arrived_at
    assert abs(placed - before) < timedelta(minutes=1)


def test_batches_and_their_names_come_and_go_and_files_stay(practices: list[Customer]):
    schema = schema_as_text()
    with acting_in(practices[0]):
        named = Upload.objects.create(size_bytes=1, filename="batch.ndjson", source="ingest", form="ndjson")
        batch_names.keep("first", named, b"")
    call_command("migrate", "claims", "0001_initial", verbosity=0)
    call_command("migrate", verbosity=0)
    assert schema_as_text() == schema
    with acting_in(practices[0]):
        assert list(Upload.objects.order_by("pk").values_list("source", "form")) == [("file", "csv")] * 3
        assert not BatchName.objects.exists()


def test_a_file_that_waits_is_the_same_however_its_pieces_are_stored(
    practices: list[Customer], monkeypatch: pytest.MonkeyPatch
):
    catch_steps(monkeypatch, lambda _work: None)
    content = b"a,b\n" * 700_000
    with acting_in(practices[0]):
        upload = receiving.receive(content, Asked("export.csv"), actor=ACTOR)
        stored = sum(len(piece.sealed) for piece in UploadSlice.objects.all())
    assert stored < len(content) / 100
    call_command("migrate", "claims", "0007_before_ingest", verbosity=0)
    with acting_in(practices[0]), connection.cursor() as cursor:
        cursor.execute("SELECT sum(length(sealed)), count(*) FROM claims_uploadslice")
        assert cursor.fetchone() == (len(content) + 3 * OF_EACH_SEAL, 3)
    call_command("migrate", verbosity=0)
    with acting_in(practices[0]):
        assert b"".join(content_of(upload, UploadSlice.Kind.CONTENT)) == content
