"""`endpoints/`: where messages go that is no person. A signing secret is in one answer only."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.deliveries import addresses
from payerwatch.deliveries import endpoints as actions
from payerwatch.deliveries.channels import endpoint_channels
from payerwatch.deliveries.event_types import EVENT_TYPES
from payerwatch.deliveries.models import Endpoint
from payerwatch.deliveries.secrets import url_of
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import Moment
from payerwatch.web.api.fields import OneOrNone, PublicId
from payerwatch.web.api.messages import MessageBody
from payerwatch.web.api.resource import NOTHING, Gives, Listed, Resource, Shown

LONGEST_URL = 2_048
UNUSABLE_ADDRESSES = (
    addresses.EndpointUrlUnreadable, addresses.EndpointNotHttps, addresses.EndpointHasCredentials,
    addresses.EndpointHasFragment, addresses.EndpointPortRefused, addresses.EndpointHostUnusual,
    addresses.EndpointNotPublic,
)  # fmt: skip


def _event_types(**kwargs: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField(sorted(EVENT_TYPES)),
        max_length=len(EVENT_TYPES),
        help_text="the types of messages it is sent; none means all",
        **kwargs,
    )


class EndpointBody(serializers.ModelSerializer):
    """An endpoint, and how it is doing."""

    id = PublicId(source="public_id", help_text="end_…")
    url = serializers.SerializerMethodField(help_text="where messages are posted")
    event_types = _event_types(read_only=True)
    disabled_because = OneOrNone(Endpoint.Because.choices)

    class Meta:
        model = Endpoint
        fields = [
            "id", "channel", "url", "name", "event_types", "payload_version", "state", "disabled_because",
            "disabled_at", "failing_since", "paused_until", "created_at",
        ]  # fmt: skip

    def get_url(self, endpoint: Endpoint) -> str:
        return url_of(endpoint)


class EndpointWithSecretBody(EndpointBody):
    secret = serializers.CharField(
        read_only=True, help_text="whsec_…, which is in this answer only; empty where nothing is signed"
    )

    class Meta(EndpointBody.Meta):
        fields = [*EndpointBody.Meta.fields, "secret"]

    def to_representation(self, made: actions.WithSecret) -> dict[str, Any]:
        return {**EndpointBody(made.endpoint).data, "secret": made.secret}


class NewEndpoint(serializers.Serializer):
    url = serializers.CharField(max_length=LONGEST_URL, help_text="https://…")
    channel = serializers.ChoiceField(endpoint_channels(), default="webhook")
    name = serializers.CharField(max_length=100, default="", allow_blank=True, help_text="what it is for")
    event_types = _event_types(default=list)


class ChangedEndpoint(serializers.Serializer):
    url = serializers.CharField(max_length=LONGEST_URL, required=False, help_text="https://…")
    name = serializers.CharField(max_length=100, required=False, allow_blank=True, help_text="what it is for")
    event_types = _event_types(required=False)
    enabled = serializers.BooleanField(required=False, help_text="whether anything is sent to it")


class SigningOverlap(serializers.Serializer):
    overlap_hours = serializers.IntegerField(
        default=24,
        min_value=0,
        max_value=int(actions.LONGEST_OVERLAP.total_seconds() // 3600),
        help_text="for how long messages are signed with the old secret as well",
    )


class RecoveringSince(serializers.Serializer):
    since = Moment(help_text="what was told from then on and has not arrived is sent again")


class Recovered(serializers.Serializer):
    messages = serializers.IntegerField(min_value=0, read_only=True, help_text="how many are on their way again")


class Endpoints(Listed, Shown, Resource):
    """Addresses of other systems. What goes to a webhook is signed; see docs/webhooks.md."""

    thing = "endpoint"
    verbs: ClassVar = {"create": "add", "partial_update": "change", "destroy": "remove"}
    may: ClassVar = dict.fromkeys(
        ("list", "retrieve", "create", "partial_update", "destroy", "rotate", "test", "recover"),
        Permission.MANAGE_ENDPOINTS,
    )
    takes: ClassVar = {
        "create": NewEndpoint, "partial_update": ChangedEndpoint, "rotate": SigningOverlap, "recover": RecoveringSince,
    }  # fmt: skip
    gives: ClassVar = {
        "create": Gives(EndpointWithSecretBody, HTTPStatus.CREATED),
        "rotate": Gives(EndpointWithSecretBody),
        "partial_update": Gives(EndpointBody),
        "destroy": NOTHING,
        "test": Gives(MessageBody),
        "recover": Gives(Recovered),
    }
    refuses: ClassVar = {
        "create": [NoLongerYours, *UNUSABLE_ADDRESSES, actions.TooManyEndpoints],
        "partial_update": [NoLongerYours, *UNUSABLE_ADDRESSES],
        "destroy": [NoLongerYours],
        "rotate": [NoLongerYours, actions.EndpointUnsigned, actions.TooManySecrets],
        "test": [actions.EndpointDisabled],
        "recover": [actions.EndpointDisabled],
    }
    guarded: ClassVar = frozenset({"partial_update", "destroy"})
    queryset = Endpoint.objects.filter(removed_at=None)
    order = ("pk",)
    serializer_class = EndpointBody

    def create(self, request: Request) -> Response:
        """Add an endpoint. Its secret is in this answer only, so keep it now."""
        asked = self.body()
        return self.answer(actions.add_endpoint(asked.pop("url"), **asked, actor=self.caller.actor))

    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change where it is, what it is sent, or whether it is sent anything."""
        asked = self.body()
        return self.answer(actions.change_endpoint(self.get_object(), **asked, actor=self.caller.actor))

    def destroy(self, request: Request, public_id: str) -> Response:
        """Remove an endpoint. What was sent to it stays to be looked up."""
        actions.remove_endpoint(self.get_object(), actor=self.caller.actor)
        return self.answer()

    def rotate(self, request: Request, public_id: str) -> Response:
        """Make a new secret. Until the overlap ends messages are signed with both, and receivers may know either."""
        overlap = timedelta(hours=self.body()["overlap_hours"])
        return self.answer(actions.rotate_secret(self.get_object(), overlap=overlap, actor=self.caller.actor))

    def test(self, request: Request, public_id: str) -> Response:
        """Send a message of the type `endpoint.test`: the answer is the message to watch."""
        return self.answer(actions.send_test_event(self.get_object(), actor=self.caller.actor))

    def recover(self, request: Request, public_id: str) -> Response:
        """Send again all that has not arrived since then, each message under the id that it has."""
        since = self.body()["since"]
        return self.answer({"messages": actions.recover(self.get_object(), since, actor=self.caller.actor)})
