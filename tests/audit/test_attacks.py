"""Whatever the owner of the database does to a chain is detected, and the first bad entry is named."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.models import InstallationEntry
from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.models import Customer
from tests.audit.conftest import LENGTH, act
from tests.audit.owner import TABLES, Owner, run, triggers_off
from tests.make import answer, words

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

Practices = tuple[Customer, Customer]
Attack = Callable[[Owner, Owner], None]


def edit(own: Owner, other: Owner) -> None:
    own.set(5, detail='{"after":{"claims":0}}')


def edit_with_a_digest_that_fits(own: Owner, other: Owner) -> None:
    edit(own, other)
    own.redigest(5)


def delete(own: Owner, other: Owner) -> None:
    own.delete(5)


def delete_and_renumber(own: Owner, other: Owner) -> None:
    own.delete(5)
    own.shift(range(6, LENGTH + 1), by=-1)


def insert(own: Owner, other: Owner) -> None:
    own.shift(range(5, LENGTH + 1), by=1)
    own.write(5, own.forged(4), previous=bytes(own.entry(4).digest))


def insert_at_the_end(own: Owner, other: Owner) -> None:
    own.write(LENGTH + 1, own.forged(LENGTH), previous=bytes(own.entry(LENGTH).digest))


def reorder(own: Owner, other: Owner) -> None:
    for position, to in ((5, 1000), (7, 5), (1000, 7)):
        own.move(position, to)


def cut_the_tail(own: Owner, other: Owner) -> None:
    for position in range(10, LENGTH + 1):
        own.delete(position)


def cut_the_tail_and_set_the_head(own: Owner, other: Owner) -> None:
    cut_the_tail(own, other)
    own.set_head(9, bytes(own.entry(9).digest))


def swap_between_customers(own: Owner, other: Owner) -> None:
    mine, theirs = own.entry(5), other.entry(6)
    for owner, position, entry in ((own, 5, theirs), (other, 6, mine)):
        names = ("at", "detail", "thing_id", "previous", "digest")
        owner.set(position, **{name: getattr(entry, name) for name in names})


def rewrite_the_chain(own: Owner, other: Owner) -> None:
    edit(own, other)
    own.rechain(5)


def set_the_clock_back(own: Owner, other: Owner) -> None:
    last = bytes(own.entry(LENGTH).digest)
    own.write(LENGTH + 1, own.forged(LENGTH, earlier=timedelta(hours=1)), previous=last)
    own.set_head(LENGTH + 1, bytes(own.entry(LENGTH + 1).digest))


ATTACKS: dict[Attack, tuple[str, int]] = {
    edit: ("edited", 5),
    edit_with_a_digest_that_fits: ("rewritten", 5),
    delete: ("deleted", 5),
    delete_and_renumber: ("deleted", 5),
    insert: ("rewritten", 5),
    insert_at_the_end: ("inserted", LENGTH + 1),
    reorder: ("reordered", 5),
    cut_the_tail: ("cut", 10),
    cut_the_tail_and_set_the_head: ("cut", 10),
    swap_between_customers: ("swapped", 5),
    rewrite_the_chain: ("rewritten", 5),
    set_the_clock_back: ("clock", LENGTH + 1),
}
WITHOUT_CHECKPOINTS = ATTACKS | {
    edit_with_a_digest_that_fits: ("edited", 5),
    insert: ("inserted", 5),
}
for unseen in (cut_the_tail_and_set_the_head, rewrite_the_chain):
    del WITHOUT_CHECKPOINTS[unseen]


def delete_a_customer(own: Owner, other: Owner) -> None:
    """With all that belongs to it, as if it had never been."""
    for table in TABLES:
        run(f"DELETE FROM {table} WHERE customer_id = %s", own.customer.pk)
    run("DELETE FROM tenancy_customer WHERE id = %s", own.customer.pk)


def told_of(practice: Customer, *options: object) -> list[dict[str, Any]]:
    """What is said of the customer's chain, whatever it is called by now."""
    chains = answer("verify_audit", *options, customer=None).document["chains"]
    return [each for each in chains if each["chain"] == f"customer-{practice.pk}"]


def attack(practices: Practices, method: Attack) -> None:
    with triggers_off():
        method(*map(Owner, practices))


def first_problem(name: str = "Practice", *options: object) -> tuple[str, int]:
    answered = answer("verify_audit", *options, customer=None)
    assert answered.code == 1
    assert answered.error["code"] == "record_broken"
    [told] = [each for each in answered.document["chains"] if each["name"] == name]
    problem = told["problems"][0]
    assert f"{name}: " in answered.error["message"] + answered.error["where"]
    return problem["kind"], problem["position"]


@pytest.mark.parametrize("method", ATTACKS, ids=lambda method: method.__name__)
def test_every_attack_is_detected_and_the_first_bad_entry_named(practices: Practices, method: Attack):
    attack(practices, method)
    assert first_problem() == ATTACKS[method]


@pytest.mark.parametrize("method", WITHOUT_CHECKPOINTS, ids=lambda method: method.__name__)
def test_the_chain_by_itself_shows_most_attacks(practices: Practices, checkpoints: Path, method: Attack):
    attack(practices, method)
    for file in checkpoints.iterdir():
        file.unlink()
    assert first_problem() == WITHOUT_CHECKPOINTS[method]


@pytest.mark.parametrize("method", [cut_the_tail_and_set_the_head, rewrite_the_chain])
def test_what_only_checkpoints_show_is_not_seen_without_them(practices: Practices, checkpoints: Path, method: Attack):
    """The control: these two are why checkpoints are kept elsewhere."""
    attack(practices, method)
    for file in checkpoints.iterdir():
        file.unlink()
    assert answer("verify_audit", "--unvouched", customer=None).code == 0
    assert first_problem() == ("unvouched", 1)


def test_a_customer_that_was_deleted_with_its_chain_is_missed(practices: Practices):
    attack(practices, delete_a_customer)
    assert answer("verify_audit", customer=None).code == 1
    [told] = told_of(practices[0])
    assert (told["problems"][0]["kind"], told["problems"][0]["position"]) == ("cut", 1)
    assert f"{LENGTH} entries" in told["problems"][0]["says"]


def test_it_is_missed_without_checkpoints_too(practices: Practices, checkpoints: Path):
    attack(practices, delete_a_customer)
    for file in checkpoints.iterdir():
        file.unlink()
    kind, position = first_problem("the installation", "--unvouched")
    assert kind == "customer"
    assert InstallationEntry.objects.get(position=position).thing_id == practices[0].public_id


@pytest.mark.sqlite
def test_the_chain_that_a_deleted_customer_left_is_verified_all_the_same(practices: Practices, checkpoints: Path):
    with triggers_off():
        edit(*map(Owner, practices))
        run("PRAGMA foreign_keys = OFF")
        run("DELETE FROM tenancy_customer WHERE id = %s", practices[0].pk)
        run("PRAGMA foreign_keys = ON")
    for file in checkpoints.iterdir():
        file.unlink()
    [told] = told_of(practices[0])
    assert (told["problems"][0]["kind"], "not among the customers" in told["name"]) == ("edited", True)


def test_a_customer_without_entries_is_a_problem(practices: Practices, checkpoints: Path):
    add_customer("Without a chain")
    assert first_problem("Without a chain") == ("cut", 1)


def test_a_chain_without_checkpoints_stands_only_if_that_is_said(practices: Practices, checkpoints: Path):
    for file in checkpoints.glob(f"customer-{practices[0].pk}.*"):
        file.unlink()
    assert first_problem() == ("unvouched", 1)
    assert answer("verify_audit", "--unvouched", customer=None).code == 0
    assert answer("verify_audit", "--checkpoints", checkpoints / "elsewhere", customer=None).code == 1


def test_it_is_said_how_many_entries_no_checkpoint_vouches_for(practices: Practices, checkpoints: Path):
    file = next(checkpoints.glob(f"customer-{practices[0].pk}.*"))
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:9]))
    told = answer("verify_audit", customer="Practice").document["chains"][0]
    assert (told["entries"], told["good"], told["vouched_until"], told["unvouched"]) == (LENGTH, LENGTH, 9, LENGTH - 9)
    assert f"for the {LENGTH - 9} after it none does" in words("verify_audit", customer="Practice")


def test_of_a_broken_chain_both_counts_are_told(practices: Practices):
    attack(practices, edit)
    [told] = told_of(practices[0])
    assert (told["entries"], told["good"]) == (LENGTH, 4)


def test_chains_that_nobody_touched_stand(practices: Practices):
    told = answer("verify_audit", customer=None)
    assert told.code == 0
    own = [each for each in told.document["chains"] if each["name"] in ("Practice", "Other")]
    assert [(each["entries"], each["vouched_until"]) for each in own] == [(LENGTH, LENGTH)] * 2


def test_a_chain_goes_on_after_an_attack_and_the_attack_stays_visible(practices: Practices):
    attack(practices, edit)
    act(practices[0], 3)
    assert first_problem() == ("edited", 5)


def test_the_other_chains_are_verified_all_the_same(practices: Practices):
    attack(practices, delete)
    assert answer("verify_audit", customer="Other").code == 0
    assert answer("verify_audit", customer="Practice").code == 1


def test_both_ends_of_a_swap_are_named(practices: Practices):
    attack(practices, swap_between_customers)
    assert first_problem("Other") == ("swapped", 6)


def test_a_rewriting_between_distant_checkpoints_names_where_it_may_begin(practices: Practices, checkpoints: Path):
    file = next(checkpoints.glob(f"customer-{practices[0].pk}.*"))
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([*lines[:3], lines[-1]]))
    attack(practices, rewrite_the_chain)
    assert first_problem() == ("rewritten", 4)
