"""`messages/` and their `attempts/`: what was sent where, and what came back."""

from typing import ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.deliveries.answers import FAILURES
from payerwatch.deliveries.endpoints import EndpointDisabled, UnknownEndpoint, resend
from payerwatch.deliveries.event_types import EVENT_TYPES
from payerwatch.deliveries.models import Attempt, Message
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import MomentFilter
from payerwatch.web.api.fields import OneOrNone, PublicId
from payerwatch.web.api.filtering import IdFilter
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown, public_id_in
from payerwatch.web.problems import NotFound

_TYPES = [(each, each) for each in sorted(EVENT_TYPES)]


class MessageBody(serializers.ModelSerializer):
    """A message to one receiver: an endpoint, or a member by e-mail."""

    id = PublicId(source="public_id", help_text="msg_…, the same in every attempt: `webhook-id`")
    endpoint = PublicId(source="endpoint.public_id", default=None, help_text="end_…; null where it goes to a person")
    recipient = PublicId(allow_null=True, help_text="mbr_… of the member it goes to by e-mail; null for an endpoint")
    type = serializers.ChoiceField(_TYPES, read_only=True, help_text="what kind of thing it tells")
    about = serializers.CharField(read_only=True, help_text="the id of what it tells of, such as alr_…")
    due_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="when it is sent next; null once it is settled"
    )

    class Meta:
        model = Message
        fields = [
            "id", "endpoint", "recipient", "type", "about", "state", "attempts_made", "due_at", "created_at",
            "settled_at",
        ]  # fmt: skip
        read_only_fields = fields


class AttemptBody(serializers.ModelSerializer):
    """One try, and what came back."""

    id = PublicId(source="public_id", help_text="att_…")
    failure = OneOrNone([(each, each) for each in sorted(FAILURES)])
    number = serializers.IntegerField(min_value=1, read_only=True)

    class Meta:
        model = Attempt
        fields = ["id", "number", "started_at", "status", "failure", "milliseconds", "excerpt"]
        read_only_fields = fields


class MessageFilter(filters.FilterSet):
    endpoint = IdFilter(field_name="endpoint__public_id", help_text="Messages to the endpoint of this id.")
    state = filters.ChoiceFilter(choices=Message.State.choices, help_text="Messages that are in this state now.")
    type = filters.ChoiceFilter(choices=_TYPES, help_text="Messages of this type.")
    about = IdFilter(help_text="Messages that tell of the thing of this id.")
    since = MomentFilter(field_name="created_at", lookup_expr="gte", help_text="Messages made then or later.")


class Messages(Listed, Shown, Resource):
    """The delivery log, newest first."""

    thing = "message"
    may: ClassVar = dict.fromkeys(("list", "retrieve", "resend"), Permission.MANAGE_ENDPOINTS)
    gives: ClassVar = {"resend": Gives(MessageBody)}
    refuses: ClassVar = {"resend": [EndpointDisabled, UnknownEndpoint]}
    queryset = Message.objects.select_related("endpoint").defer("body")
    order = ("-pk",)
    serializer_class = MessageBody
    filterset_class = MessageFilter

    def resend(self, request: Request, public_id: str) -> Response:
        """Send it again, whether or not it had arrived, under the id that it has."""
        return self.answer(resend(self.get_object(), actor=self.caller.actor))


class Attempts(Listed, Resource):
    """What was tried for one message, the first first."""

    thing = "message"
    may: ClassVar = {"list": Permission.MANAGE_ENDPOINTS}
    order = ("pk",)
    serializer_class = AttemptBody

    def get_queryset(self) -> QuerySet[Attempt]:
        message = Messages.queryset.filter(public_id=public_id_in(self.kwargs)).first()
        if message is None:
            raise NotFound
        return Attempt.objects.filter(message=message)

    def list(self, request: Request, public_id: str) -> Response:  # type: ignore[override]
        """Every try to deliver the message."""
        return super().list(request)
