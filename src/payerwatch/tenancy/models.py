"""The customer, and what every table that belongs to a customer is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col, Expression
from django.db.models.lookups import Exact
from django.db.models.sql.compiler import SQLCompiler

from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.statements import customer_written


def new_customer_id() -> str:
    return new_public_id("cus")


class Customer(models.Model):
    """A practice whose claims are watched: the tenant every other row belongs to."""

    public_id = models.CharField(max_length=24, unique=True, default=new_customer_id, editable=False)
    name = models.CharField(max_length=200, unique=True)
    second_factor_required = models.BooleanField(
        default=False, db_default=False, help_text="whether members must sign in with an authenticator"
    )
    time_zone = models.CharField(
        max_length=64, default="UTC", db_default="UTC", help_text="in which its nights are counted, by its IANA name"
    )
    judged_night = models.DateField(
        null=True, editable=False, help_text="the last night in which its claims were judged"
    )
    claims_kept_days = models.IntegerField(
        null=True, editable=False, help_text="after which claims are forgotten; null: never"
    )
    messages_kept_days = models.IntegerField(
        null=True, editable=False, help_text="after which messages that are settled are forgotten; null: never"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class CurrentCustomer(Expression):
    """The customer entered when the query *runs*, not when it was written.

    A queryset may so be made anywhere, kept as a class attribute, pickled or run twice for two customers,
    and none runs outside acting_in(customer): NoCustomer.
    """

    output_field = models.BigIntegerField()

    def as_sql(
        self,
        compiler: SQLCompiler,  # noqa: ARG002
        connection: BaseDatabaseWrapper,  # noqa: ARG002
    ) -> tuple[str, tuple[Any]]:
        return "%s", (customer_written(),)


class TenantManager(models.Manager):
    """The rows of the customer entered, in every query form."""

    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(customer_id=CurrentCustomer())


class TenantForeignKey(models.ForeignKey):
    """A key from one tenant table to another, which cannot name another customer's row.

    Django's own constraint would name the id alone, so it is left out; the migration operations
    `ProtectRows` and `ProtectKey` add the one that names customer and id together.
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        kwargs["db_index"] = False  # an index by the id alone helps no query that names its customer
        super().__init__(to, on_delete, **kwargs)

    def get_extra_restriction(self, alias: Any, related_alias: Any) -> Any:
        """A join names the customer on both sides: so it is one within a customer wherever its rows are kept."""
        parent: Any = self.remote_field.model._meta.get_field("customer")
        child: Any = self.model._meta.get_field("customer")
        as_number = models.BigIntegerField()
        return Exact(Col(alias, parent, as_number), Col(related_alias, child, as_number))

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("db_constraint", "db_index"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs


class TenantModel(models.Model):
    """A table whose every row belongs to one customer. Children write `class Meta(TenantModel.Meta)`."""

    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        default=current_customer_id,
        editable=False,
        db_index=False,  # every index of a tenant table begins with the customer
        related_name="+",
    )

    objects = TenantManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"
