"""`customers/`: those the caller may act in; for an operator, all of the installation, and each look is recorded."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.members.door import Admits
from payerwatch.members.queries import customers_of
from payerwatch.members.roles import Permission
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown


class CustomerBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="cus_…")

    class Meta:
        model = Customer
        fields = ["id", "name", "second_factor_required", "created_at"]


class Customers(Listed, Shown, Resource):
    thing = "customer"
    admits = Admits.ANYONE_SIGNED_IN
    may: ClassVar = {"list": Admits.ANYONE_SIGNED_IN, "retrieve": Admits.ANYONE_SIGNED_IN}
    keys_need = Permission.READ_CUSTOMER
    order = ("pk",)
    serializer_class = CustomerBody

    def get_queryset(self) -> Any:
        caller = self.caller
        if caller.person is None:
            assert caller.customer is not None
            return Customer.objects.filter(pk=caller.customer.pk)
        if caller.person.is_operator:
            return Customer.objects.all()
        return customers_of(caller.person)

    def list(self, request: Request) -> Response:
        """The customers one may act in. An operator sees all of the installation, which is recorded."""
        shown = super().list(request)
        self._record_operators_look(Thing("customer"), all=True)
        return shown

    def retrieve(self, request: Request, public_id: str) -> Response:
        """One customer. An operator's look is recorded."""
        shown = super().retrieve(request, public_id)
        self._record_operators_look(Thing("customer", public_id), count=1)
        return shown

    def _record_operators_look(self, thing: Thing, **about: Any) -> None:
        if self.caller.person is not None and self.caller.person.is_operator:
            record_for_installation("read", thing, actor=self.caller.actor, after=about)
