"""`drift-events/`: what changed in how payers treat claims."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from rest_framework.serializers import BaseSerializer

from payerwatch.drift.documents import event_document
from payerwatch.drift.models import DriftEvent
from payerwatch.members.roles import Permission
from payerwatch.web.api.resource import Listed, Resource, Shown


class DriftEventBody(BaseSerializer):
    """The event with its figures and the sentence people read."""

    def to_representation(self, event: DriftEvent) -> dict[str, Any]:
        return event_document(event)


class DriftEventFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=DriftEvent.Status.choices)
    tier = filters.ChoiceFilter(choices=DriftEvent.Tier.choices)
    measure = filters.ChoiceFilter(choices=DriftEvent.Measure.choices)
    direction = filters.ChoiceFilter(choices=DriftEvent.Direction.choices)


class DriftEvents(Listed, Shown, Resource):
    thing = "drift_event"
    may: ClassVar = {"list": Permission.READ_EVENTS, "retrieve": Permission.READ_EVENTS}
    queryset = DriftEvent.objects.select_related("payer", "parent")
    order = ("-as_of_week", "-pk")
    serializer_class = DriftEventBody
    filterset_class = DriftEventFilter
