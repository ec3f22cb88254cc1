"""`settings/`: what the customer asks of everybody who signs in."""

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.actions import require_second_factor
from payerwatch.members.roles import Permission
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.resource import Resource, checked


class SettingsBody(serializers.Serializer):
    second_factor_required = serializers.BooleanField(help_text="whether members must sign in with an authenticator")


class Settings(Resource):
    thing = "customer"
    verbs: ClassVar = {"change": "change_settings"}
    may: ClassVar = {"show": Permission.READ_CUSTOMER, "change": Permission.MANAGE_SETTINGS}

    def show(self, _request: Request) -> Response:
        assert self.caller.customer is not None
        return self._now(self.caller.customer)

    def change(self, request: Request) -> Response:
        required = checked(SettingsBody, request)["second_factor_required"]
        return self._now(require_second_factor(required, actor=self.caller.actor))

    def _now(self, customer: Customer) -> Response:
        return Response(SettingsBody(customer).data)
