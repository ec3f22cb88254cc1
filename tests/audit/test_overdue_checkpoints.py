"""An entry whose checkpoint could not be written has one after all, and none is written twice."""

import shutil
from pathlib import Path

import pytest

from payerwatch.audit.overdue_checkpoints import write_overdue_checkpoint
from payerwatch.audit.verifying.checkpoints import read_checkpoints
from payerwatch.schedule import vouch_for_all_chains
from payerwatch.tenancy.models import Customer
from tests.audit.conftest import LENGTH
from tests.make import answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own(practices: tuple[Customer, Customer]) -> Customer:
    return practices[0]


def positions(folder: Path, chain: str) -> list[int]:
    return [each.position for each in read_checkpoints(folder, chain)]


def test_what_is_written_is_not_written_again(own: Customer, checkpoints: Path):
    before = positions(checkpoints, f"customer-{own.pk}")
    write_overdue_checkpoint(own.pk)
    assert positions(checkpoints, f"customer-{own.pk}") == before


def test_the_newest_entry_of_each_chain_has_one_again_and_verifies(
    practices: tuple[Customer, Customer], checkpoints: Path
):
    for each in checkpoints.iterdir():
        each.unlink() if each.is_file() else shutil.rmtree(each)
    vouch_for_all_chains()
    for practice in practices:
        assert positions(checkpoints, f"customer-{practice.pk}") == [LENGTH]
    assert len(positions(checkpoints, "installation")) == 1
    assert answer("verify_audit", customer=None).code == 0


def test_a_customer_without_entries_needs_none(checkpoints: Path):
    empty = Customer.objects.create(name="Without entries")
    write_overdue_checkpoint(empty.pk)
    assert positions(checkpoints, f"customer-{empty.pk}") == []
