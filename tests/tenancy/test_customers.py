"""Adding and finding customers."""

import pytest

from payerwatch.tenancy.actions import CustomerExists, CustomerNameUnusable, add_customer
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.queries import UnknownCustomer, customer_named

pytestmark = pytest.mark.django_db


def test_a_customer_that_was_added_is_found_by_its_name():
    added = add_customer("  Alder   Clinic ")
    assert added.name == "Alder Clinic"
    assert customer_named("Alder Clinic ") == added


def test_a_second_customer_of_the_same_name_is_refused():
    add_customer("Alder Clinic")
    with pytest.raises(CustomerExists, match="'Alder Clinic'") as refused:
        add_customer("Alder Clinic")
    assert refused.value.code == "customer_exists"
    assert Customer.objects.count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\x00b", "a\x1bb"])
def test_a_name_that_cannot_be_shown_is_refused(name: str):
    with pytest.raises(CustomerNameUnusable):
        add_customer(name)


def test_an_unknown_customer_is_answered_with_near_names():
    for name in ("Alder Clinic", "Birch Hospital"):
        add_customer(name)
    with pytest.raises(UnknownCustomer, match=r"Did you mean 'Alder Clinic'\?") as refused:
        customer_named("alder clinc")
    assert refused.value.near == ["Alder Clinic"]


def test_with_no_near_name_the_answer_says_how_to_add_one():
    with pytest.raises(UnknownCustomer, match="payerwatch add_customer NAME"):
        customer_named("Alder Clinic")
