"""`drift-events/`: what changed in how payers treat claims."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.drift.documents import event_document
from payerwatch.drift.models import DriftEvent
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown


class WindowBody(serializers.Serializer):
    kind = serializers.CharField(max_length=20, help_text="by what claims fall into it: decided, submitted or waiting")
    weeks = serializers.IntegerField(min_value=1, max_value=1000)
    first_week = serializers.DateField(help_text="its first Monday")
    last_week = serializers.DateField(help_text="its last Monday")


class DriftEventBody(serializers.Serializer):
    """The event with its figures and the sentence people read."""

    id = PublicId(help_text="evt_…")
    measure = serializers.ChoiceField(DriftEvent.Measure.choices)
    payer = serializers.CharField(max_length=200)
    cpt_group = serializers.CharField(max_length=40, allow_null=True, help_text="null for the payer as a whole")
    parent = PublicId(allow_null=True, help_text="evt_… of the payer as a whole")  # type: ignore[assignment]
    direction = serializers.ChoiceField(DriftEvent.Direction.choices)
    tier = serializers.ChoiceField(DriftEvent.Tier.choices, help_text="the highest of this episode")
    certainty = serializers.ChoiceField(["very_likely", "likely", "watch"], help_text="at its highest")
    status = serializers.ChoiceField(DriftEvent.Status.choices)
    episode = serializers.IntegerField(min_value=1, help_text="how often this was flagged and over, and this one")
    first_week = serializers.DateField(help_text="first flagged in any tier")
    alert_week = serializers.DateField(allow_null=True, help_text="first flagged as an alert")
    as_of_week = serializers.DateField(help_text="last judged")
    closed_week = serializers.DateField(allow_null=True)
    window = WindowBody(help_text="the weeks that show it best")
    observed = serializers.IntegerField(min_value=0, help_text="denials, or decisions, in the window")
    expected = serializers.FloatField(help_text="how many were to be expected")
    effect = serializers.FloatField(help_text="shrunken excess rate, or observed / expected decisions")
    p_value = serializers.FloatField(min_value=0, max_value=1)
    q_value = serializers.FloatField(min_value=0, max_value=1, help_text="p among all that was tested")
    claims = serializers.IntegerField(min_value=0, help_text="claims in the window")
    amount_at_risk = serializers.FloatField(allow_null=True, help_text="US dollars")
    top_denial_category = serializers.CharField(max_length=24, allow_null=True)
    provisional = serializers.BooleanField(help_text="whether later decisions may still undo it")
    sentence = serializers.CharField(help_text="the event in plain words")

    def to_representation(self, event: DriftEvent) -> dict[str, Any]:
        return dict(super().to_representation(event_document(event)))


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
