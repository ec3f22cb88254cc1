"""`settings/`: what the customer asks of everybody who signs in, and when its nights begin."""

from typing import Any, ClassVar, cast

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.actions import Settings as Wanted
from payerwatch.members.actions import change_settings
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.roles import Permission
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.time_zones import TimeZoneUnknown
from payerwatch.web.api.resource import Gives, Resource


class SettingsBody(serializers.Serializer):
    second_factor_required = serializers.BooleanField(help_text="whether members must sign in with an authenticator")
    time_zone = serializers.CharField(max_length=64, help_text="in which its nights are counted, by its IANA name")


class SettingsChange(serializers.Serializer):
    second_factor_required = serializers.BooleanField(
        required=False, help_text="whether members must sign in with an authenticator"
    )
    time_zone = serializers.CharField(
        required=False, max_length=64, help_text="in which its nights are counted, by its IANA name"
    )


class Settings(Resource):
    thing = "customer"
    verbs: ClassVar = {"change": "change_settings"}
    may: ClassVar = {"show": Permission.READ_CUSTOMER, "change": Permission.MANAGE_SETTINGS}
    takes: ClassVar = {"change": SettingsChange}
    gives: ClassVar = {"show": Gives(SettingsBody), "change": Gives(SettingsBody)}
    refuses: ClassVar = {"change": [NoLongerYours, TimeZoneUnknown]}
    guarded = frozenset({"change"})

    def show(self, request: Request) -> Response:
        """What the customer asks of everybody who signs in, and when its nights begin."""
        assert self.caller.customer is not None
        return self.answer(self.caller.customer)

    def change(self, request: Request) -> Response:
        """Change what is sent: what is left out stays as it is."""
        return self.answer(change_settings(cast(Wanted, self.body()), actor=self.caller.actor))

    def represented(self) -> Any:
        assert self.caller.customer is not None
        return SettingsBody(Customer.objects.get(pk=self.caller.customer.pk)).data
