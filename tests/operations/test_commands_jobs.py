"""`payerwatch jobs` shows what waits, runs and was parked, and lets it be tried again; `payerwatch work` does it."""

import pytest

from payerwatch.audit.models import InstallationEntry
from payerwatch.jobs import queue
from payerwatch.jobs.enqueue import enqueue
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.conftest import table as table
from tests.jobs.declared import note
from tests.make import answer, customer, words

pytestmark = pytest.mark.django_db(transaction=True)

on_postgresql = [pytest.mark.postgresql, pytest.mark.usefixtures("table")]


@pytest.fixture
def practice() -> Customer:
    return customer()


def parked(practice: Customer, *public_ids: str) -> list[int]:
    """The numbers of jobs that failed for good."""
    worker, numbers = queue.register(), []
    for public_id in public_ids:
        with acting_in(practice):
            enqueue(note, public_id)
        taken = queue.take(worker)
        assert taken is not None
        queue.park(taken, attempts=5)
        numbers.append(taken.number)
    return numbers


@pytest.mark.sqlite
@pytest.mark.parametrize("command", ["jobs", "work"])
def test_with_sqlite_there_is_no_table_of_jobs(command: str):
    assert answer(command, customer=None).error["code"] == "no_table_of_jobs"


class TestOnPostgresql:
    pytestmark = on_postgresql

    def test_each_parked_job_is_shown_with_all_that_is_known_of_it(self, practice: Customer):
        [number] = parked(practice, "upl_2222222222222222")
        with acting_in(practice):
            enqueue(note, "upl_3333333333333333")
        document = answer("jobs", customer=None).document
        [shown] = document.pop("parked_jobs")
        assert document == {"waiting": 1, "running": 0, "parked": 1}
        assert shown.pop("parked_at")
        assert shown == {
            "id": number,
            "step": "tests.jobs.declared.note",
            "customer": practice.public_id,
            "thing": "upl_2222222222222222",
            "attempts": 5,
        }
        said = words("jobs", customer=None)
        assert said.startswith(f"1 waiting, 0 running, 1 parked {number} tests.jobs.declared.note {practice.public_id}")

    def test_one_is_tried_again_and_that_is_on_the_record(self, practice: Customer):
        number, other = parked(practice, "a", "b")
        document = answer("jobs", "--retry", number, customer=None).document
        assert (document["retried"], document["waiting"], document["parked"]) == ([number], 1, 1)
        entry = InstallationEntry.objects.latest("position")
        assert (entry.verb, entry.thing_kind, entry.thing_id) == ("retry", "job", str(number))
        assert [each["id"] for each in document["parked_jobs"]] == [other]

    def test_all_are_tried_again(self, practice: Customer):
        numbers = parked(practice, "a", "b")
        document = answer("jobs", "--retry", "all", customer=None).document
        assert (document["retried"], document["waiting"], document["parked"]) == (numbers, 2, 0)
        assert answer("jobs", "--retry", "all", customer=None).document["retried"] == []

    def test_one_that_is_not_parked_is_refused(self, practice: Customer):
        with acting_in(practice):
            enqueue(note, "a")
        assert answer("jobs", "--retry", 7, customer=None).error["code"] == "unknown_job"
