"""`drift-events/active/`: what is open now, in the order people read it."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters

from payerwatch.drift.queries import READING_ORDER, events
from payerwatch.members.roles import Permission
from payerwatch.web.api.drift_events import DriftEventBody
from payerwatch.web.api.resource import Listed, Resource


class ActiveEventFilter(filters.FilterSet):
    watch = filters.ChoiceFilter(
        choices=[(each, each) for each in ("true", "false")],
        method="as_events",
        help_text="With true also what is only watched, and what got better.",
    )

    def as_events(self, _found: Any, _name: str, watch: str) -> Any:
        return events(watch=watch == "true")


class ActiveEvents(Listed, Resource):
    """Open alerts that got worse: the most certain first, of these the most costly."""

    thing = "drift_event"
    may: ClassVar = {"list": Permission.READ_EVENTS}
    order = READING_ORDER
    serializer_class = DriftEventBody
    filterset_class = ActiveEventFilter

    def get_queryset(self) -> Any:
        return events()
