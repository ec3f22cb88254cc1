"""An entry is written with the change, and each continues the one before."""

import json

import pytest
from django.db import transaction

from payerwatch.audit.actors import Actor, command_actor
from payerwatch.audit.models import Chain, Entry, InstallationChain, InstallationEntry
from payerwatch.audit.record import Thing, record, record_for_installation
from payerwatch.audit.verifying.definition import CONTENT, GENESIS, entry_digest, microseconds
from payerwatch.tenancy.context import NoCustomer, acting_in
from payerwatch.tenancy.models import Customer
from tests import make

pytestmark = pytest.mark.django_db

PERSON = Actor("person", "per_1", 'Ana "A" \\ Ølund', "owner", "192.0.2.1", "req_1")


@pytest.fixture
def practice() -> Customer:
    return make.customer()


def content_of(entry: Entry | InstallationEntry) -> list[str]:
    return [getattr(entry, name) for name in CONTENT]


def test_an_entry_says_who_did_what_to_what(practice: Customer):
    with acting_in(practice):
        record("undo", Thing("upload", "upl_1"), actor=PERSON, before={"state": "loaded"}, after={"claims": 3})
        entry = Entry.objects.latest("position")
    assert content_of(entry)[:-1] == [
        "person", "per_1", 'Ana "A" \\ Ølund', "owner", "192.0.2.1", "req_1", "undo", "upload", "upl_1", "done",
    ]  # fmt: skip
    assert json.loads(entry.detail) == {"before": {"state": "loaded"}, "after": {"claims": 3}}


@pytest.mark.parametrize("of_customer", [True, False])
def test_every_digest_is_the_published_one_over_the_one_before(practice: Customer, of_customer: bool):
    odd = Actor("person", name="tab\t nul\x00 é 漢 \U0001f600 \x7f \u2028 </script>", request_id="x" * 500)
    with acting_in(practice):
        for number in range(3):
            if of_customer:
                record("read", Thing("claim"), actor=odd, after={"filter": "é\x00\ud800", "count": number})
            else:
                record_for_installation("read", Thing("claim"), actor=odd, after={"count": number})
        entries = list((Entry if of_customer else InstallationEntry).objects.order_by("position"))
        head = (Chain if of_customer else InstallationChain).objects.get()
    previous = bytes(entries[0].previous)
    assert previous == GENESIS or entries[0].position > 1
    for entry in entries:
        own = practice.pk if of_customer else None
        digest = entry_digest(previous, entry.position, microseconds(entry.at), own, content_of(entry))
        assert bytes(entry.digest) == digest
        previous = digest
    assert (head.length, bytes(head.digest)) == (entries[-1].position, previous)


def test_outside_a_customer_nothing_is_recorded(practice: Customer):
    with pytest.raises(NoCustomer):
        record("read", Thing("claim"), actor=PERSON)


def test_a_reading_block_may_record(practice: Customer):
    with acting_in(practice, reading=True):
        record("read", Thing("claim"), actor=PERSON)
        assert Entry.objects.count() >= 1


def test_an_entry_goes_with_the_change_that_was_rolled_back(practice: Customer):
    with acting_in(practice):
        before = Entry.objects.count()
    with acting_in(practice):
        record("read", Thing("claim"), actor=PERSON)
        transaction.set_rollback(True)
    with acting_in(practice):
        assert Entry.objects.count() == before


def test_what_json_cannot_say_is_not_recorded(practice: Customer):
    with acting_in(practice), pytest.raises(TypeError, match="cannot hold a set"):
        record("read", Thing("claim"), actor=PERSON, after={"ids": {1}})


def test_a_commands_actor_is_whoever_runs_it():
    assert command_actor().kind == "command"
