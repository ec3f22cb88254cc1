"""Reads of customers that others need."""

from difflib import get_close_matches

from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.models import Customer


class UnknownCustomer(Refusal):
    """No customer has this name."""

    kind = Kind.MISSING

    def __init__(self, name: str, near: list[str]) -> None:
        super().__init__(f"There is no customer named {name!r}", fix=_advice(near))
        self.near = near


def customer_named(name: str) -> Customer:
    """The customer of exactly this name. Raises UnknownCustomer, which lists near names."""
    wanted = " ".join(name.split())
    customer = Customer.objects.filter(name=wanted).first()
    if customer is None:
        raise UnknownCustomer(wanted, _near_names(wanted))
    return customer


def _near_names(wanted: str) -> list[str]:
    names = {name.casefold(): name for name in Customer.objects.order_by("name").values_list("name", flat=True)}
    return [names[key] for key in get_close_matches(wanted.casefold(), names, n=3)]


def _advice(near: list[str]) -> str:
    if near:
        return "Did you mean " + " or ".join(repr(name) for name in near) + "?"
    return "Add it with: payerwatch add_customer NAME"
