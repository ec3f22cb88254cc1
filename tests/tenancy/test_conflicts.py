"""Of a row that is refused, which constraint refused it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from payerwatch.drift.models import ONE_OF_A_WEEK_AND_DATA, ONE_WAITS_FOR_A_DAY, DriftRun
from payerwatch.members.models import Person, SecondFactor
from payerwatch.tenancy.actions import CustomerExists, add_customer
from payerwatch.tenancy.conflicts import violates
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.make import customer
from tests.members.credentials import person

pytestmark = pytest.mark.django_db(transaction=True)


def refused(make: Callable[[], Any]) -> IntegrityError:
    with pytest.raises(IntegrityError) as found, transaction.atomic():
        make()
    return found.value


def run(**told: Any) -> Callable[[], DriftRun]:
    return lambda: DriftRun.objects.create(**{"as_of_week": "2026-01-05", "data_version": "a"} | told)


def test_the_one_of_several_of_a_table_is_told():
    with acting_in(customer()):
        first = run(waiting_for="latest")()
        same_data, same_day, same_id = (
            refused(run()),
            refused(run(data_version="b", waiting_for="latest")),
            refused(run(data_version="c", public_id=first.public_id)),
        )
    names = (ONE_OF_A_WEEK_AND_DATA, ONE_WAITS_FOR_A_DAY, "drift_driftrun_public_id_unique")
    for error, own in zip((same_data, same_day, same_id), names, strict=True):
        assert [name for name in names if violates(error, name)] == [own]


def test_a_field_that_is_unique_by_itself_is_told():
    someone, first, other = person(), customer(), customer("Other")
    SecondFactor.objects.create(person=someone)
    cases = {
        "tenancy_customer_name_key": lambda: Customer.objects.create(name=first.name),
        "members_person_email_key": lambda: Person.objects.create(email=someone.email, name="Other"),
        "members_secondfactor_person_id_key": lambda: SecondFactor.objects.create(person=someone),
    }
    for name, make in cases.items():
        error = refused(make)
        assert [each for each in cases if violates(error, each)] == [name]
    same_id = refused(lambda: Customer.objects.create(name="New", public_id=other.public_id))
    assert not any(violates(same_id, each) for each in cases)


def test_what_refuses_a_row_for_another_reason_is_no_unique_constraint():
    with acting_in(customer()):
        error = refused(run(same_as_id=4_711))
    assert not violates(error, ONE_OF_A_WEEK_AND_DATA)
    assert not violates(error, ONE_WAITS_FOR_A_DAY)


def test_a_customer_whose_number_is_taken_is_not_told_that_its_name_is(monkeypatch: pytest.MonkeyPatch):
    """An answer of the wrong kind would send people looking for a customer that is not there."""
    taken = customer()
    monkeypatch.setattr(Customer._meta.get_field("public_id"), "_get_default", lambda: taken.public_id)
    with pytest.raises(IntegrityError):
        add_customer("New")
    with pytest.raises(CustomerExists):
        add_customer(taken.name)
