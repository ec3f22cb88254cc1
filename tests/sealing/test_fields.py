"""A sealed column: plain in Python, sealed in the database, never compared in a query."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from payerwatch.claims.models import Claim, Upload
from payerwatch.sealing.fields import SealedFieldNotSearchable
from payerwatch.sealing.keys import FieldKeyMissing
from payerwatch.sealing.models import record_customer_key
from payerwatch.sealing.sealing import SealBroken
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import customer as make_customer
from tests.sealing.stored import put, raw

pytestmark = pytest.mark.django_db


@pytest.fixture
def practice(use_keys: Callable[..., None]) -> Customer:
    use_keys("2026a")
    return make_customer()


def add_upload(customer: Customer, filename: str, key_id: str | None = "2026a") -> None:
    with acting_in(customer):
        record_customer_key(key_id)
        Upload.objects.create(filename=filename, digest="0", size_bytes=1, header_signature="0")


def filename(customer: Customer) -> Any:
    with acting_in(customer):
        return Upload.objects.values_list("filename", flat=True).get()


def test_a_value_is_sealed_in_the_database_and_plain_in_python(practice: Customer):
    add_upload(practice, "CANARY.csv")
    [(stored,)] = raw(practice, "claims_upload", "filename")
    assert stored.startswith("pw1:2026a:")
    assert "CANARY" not in stored
    assert filename(practice) == "CANARY.csv"


@pytest.mark.parametrize("name", ["pw1:2026a:AAAA", "pw0:x", "pw1:"])
def test_plain_text_that_looks_sealed_is_read_as_it_was_written(practice: Customer, name: str):
    add_upload(practice, name, key_id=None)
    assert filename(practice) == name


def test_a_value_written_by_an_update_is_sealed_too(practice: Customer):
    add_upload(practice, "first.csv")
    with acting_in(practice):
        Upload.objects.update(filename="second.csv")
        upload = Upload.objects.get()
        upload.filename = "third.csv"
        Upload.objects.bulk_update([upload], ["filename"])
    assert filename(practice) == "third.csv"
    assert all(stored.startswith("pw1:2026a:") for (stored,) in raw(practice, "claims_upload", "filename"))


@pytest.mark.parametrize(
    "asked",
    [
        {"filename": "a"},
        {"filename__in": ["a"]},
        {"filename__contains": "a"},
        {"filename__gt": "a"},
        {"filename": F("digest")},
    ],
)
@pytest.mark.parametrize("key_id", ["2026a", None])
def test_comparing_in_a_query_is_refused_with_keys_and_without(
    practice: Customer, asked: dict[str, Any], key_id: str | None
):
    add_upload(practice, "a", key_id)
    with acting_in(practice), pytest.raises(SealedFieldNotSearchable, match=r"Upload\.filename is sealed"):
        Upload.objects.filter(**asked).first()


def test_whether_there_is_a_value_may_be_asked(practice: Customer):
    with acting_in(practice):
        assert not Claim.objects.filter(sealed_number__isnull=False).exists()


def test_a_value_copied_to_another_customer_does_not_open(practice: Customer):
    other = make_customer("Other")
    add_upload(practice, "CANARY.csv")
    add_upload(other, "other.csv")
    [(sealed,)] = raw(practice, "claims_upload", "filename")
    put(other, "claims_upload", "filename", sealed)
    with pytest.raises(SealBroken) as refused:
        filename(other)
    assert "CANARY" not in str(refused.value)


def test_a_plain_value_put_in_the_place_of_a_sealed_one_is_refused(practice: Customer):
    add_upload(practice, "sealed.csv")
    put(practice, "claims_upload", "filename", "put there.csv")
    with pytest.raises(SealBroken):
        filename(practice)


def test_whether_plain_values_are_right_is_asked_once_and_not_by_the_row(practice: Customer):
    with acting_in(practice):
        for number in range(5):
            Upload.objects.create(filename=f"{number}.csv", digest=str(number), size_bytes=1, header_signature="0")
    with acting_in(practice, reading=True), CaptureQueriesContext(connection) as asked:
        assert len(list(Upload.objects.values_list("filename"))) == 5
    assert sum("sealing_fieldkey" in query["sql"] for query in asked.captured_queries) == 1


def test_sealed_values_cost_no_query(practice: Customer):
    add_upload(practice, "sealed.csv")
    with acting_in(practice, reading=True), CaptureQueriesContext(connection) as asked:
        list(Upload.objects.values_list("filename"))
    assert not any("sealing_fieldkey" in query["sql"] for query in asked.captured_queries)


def test_a_value_whose_key_is_gone_is_refused_by_the_keys_name(practice: Customer, use_keys: Callable[..., None]):
    add_upload(practice, "CANARY.csv")
    use_keys()
    with pytest.raises(FieldKeyMissing, match="2026a"):
        filename(practice)
