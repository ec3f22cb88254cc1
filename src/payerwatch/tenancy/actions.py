"""Every write to customers."""

from django.db import IntegrityError, transaction

from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.conflicts import violates
from payerwatch.tenancy.models import Customer


class CustomerExists(Refusal):
    """There is a customer of this name already."""

    kind = Kind.CONFLICT

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is already a customer named {name!r}", fix="Choose another name, or use that customer."
        )


class CustomerNameUnusable(Refusal):
    """A customer's name must have 1 to 200 characters that can be printed."""

    def __init__(self) -> None:
        super().__init__("This cannot be a customer's name", fix="Use 1 to 200 printable characters.")


def add_customer(name: str) -> Customer:
    """Add a customer. Raises CustomerExists or CustomerNameUnusable."""
    name = " ".join(name.split())
    if not name or len(name) > 200 or not name.isprintable():
        raise CustomerNameUnusable
    same = Customer.objects.filter(name__iexact=name).first()
    if same is not None:
        raise CustomerExists(same.name)
    try:
        with transaction.atomic():
            return Customer.objects.create(name=name)
    except IntegrityError as error:
        if not violates(error, "tenancy_customer_name_key"):
            raise
        raise CustomerExists(name) from None
