"""`settings/`: what the customer asks of everybody who signs in."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.actions import require_second_factor
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.roles import Permission
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.resource import Gives, Resource


class SettingsBody(serializers.Serializer):
    second_factor_required = serializers.BooleanField(help_text="whether members must sign in with an authenticator")


class Settings(Resource):
    thing = "customer"
    verbs: ClassVar = {"change": "change_settings"}
    may: ClassVar = {"show": Permission.READ_CUSTOMER, "change": Permission.MANAGE_SETTINGS}
    takes: ClassVar = {"change": SettingsBody}
    gives: ClassVar = {"show": Gives(SettingsBody), "change": Gives(SettingsBody)}
    refuses: ClassVar = {"change": [NoLongerYours]}
    guarded = frozenset({"change"})

    def show(self, request: Request) -> Response:
        """What the customer asks of everybody who signs in."""
        assert self.caller.customer is not None
        return self.answer(self.caller.customer)

    def change(self, request: Request) -> Response:
        """Change what the customer asks of everybody who signs in."""
        required = self.body()["second_factor_required"]
        return self.answer(require_second_factor(required, actor=self.caller.actor))

    def represented(self) -> Any:
        assert self.caller.customer is not None
        return SettingsBody(Customer.objects.get(pk=self.caller.customer.pk)).data
