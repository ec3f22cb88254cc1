"""`drift-events/`: what changed in how payers treat claims."""

from typing import Any, ClassVar, get_args

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.denials import DENIAL_CATEGORIES
from payerwatch.drift.documents import event_document
from payerwatch.drift.judgement import Certainty
from payerwatch.drift.models import DriftEvent
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import DayFilter
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown


class WindowBody(serializers.Serializer):
    kind = serializers.ChoiceField(
        ["decided", "submitted", "decisions"],
        help_text="claims by week of decision, by week of submission, or decisions against claims waiting",
    )
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
    certainty = serializers.ChoiceField(get_args(Certainty), help_text="at its highest")
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
    top_denial_category = serializers.ChoiceField(DENIAL_CATEGORIES, allow_null=True)
    provisional = serializers.BooleanField(help_text="whether later decisions may still undo it")
    sentence = serializers.CharField(help_text="the event in plain words")

    def to_representation(self, event: DriftEvent) -> dict[str, Any]:
        return dict(super().to_representation(event_document(event)))


class DriftEventFilter(filters.FilterSet):
    payer = filters.CharFilter(
        field_name="payer__name",
        lookup_expr="iexact",
        max_length=200,
        help_text="Events of the payer of exactly this name, in any case of letters.",
    )
    cpt_group = filters.CharFilter(max_length=40)
    measure = filters.ChoiceFilter(
        choices=DriftEvent.Measure.choices, help_text="Events of the share of denials, or of how long decisions take."
    )
    direction = filters.ChoiceFilter(
        choices=DriftEvent.Direction.choices,
        help_text="Events of payers that treat claims worse than expected, or better.",
    )
    tier = filters.ChoiceFilter(
        choices=DriftEvent.Tier.choices,
        help_text="Events of this tier at their highest: alerts, or what is only watched.",
    )
    certainty = filters.ChoiceFilter(
        choices=[(each, each) for each in get_args(Certainty)],
        help_text="Events that were this likely to be real, at their highest.",
    )
    status = filters.ChoiceFilter(choices=DriftEvent.Status.choices, help_text="Events of this status now.")
    first_week_from = DayFilter(
        field_name="first_week",
        lookup_expr="gte",
        help_text="Events first flagged in the week of this Monday or later.",
    )
    first_week_to = DayFilter(
        field_name="first_week",
        lookup_expr="lte",
        help_text="Events first flagged in the week of this Monday or earlier.",
    )
    search = filters.CharFilter(
        method="found_by",
        max_length=200,
        help_text="Events of payers whose name begins so, or of the CPT group of exactly this name.",
    )

    def found_by(self, events: QuerySet[DriftEvent], _name: str, term: str) -> QuerySet[DriftEvent]:
        return events.filter(Q(payer__name__istartswith=term) | Q(cpt_group__iexact=term))


class DriftEvents(Listed, Shown, Resource):
    thing = "drift_event"
    may: ClassVar = {"list": Permission.READ_EVENTS, "retrieve": Permission.READ_EVENTS}
    queryset = DriftEvent.objects.select_related("payer", "parent")
    document = staticmethod(event_document)
    orders: ClassVar = {
        "-as_of_week": ("-as_of_week", "-pk"),
        "as_of_week": ("as_of_week", "pk"),
        "-first_week": ("-first_week", "-pk"),
        "first_week": ("first_week", "pk"),
        "-amount_at_risk": ("-amount_at_risk", "-pk"),
    }
    serializer_class = DriftEventBody
    filterset_class = DriftEventFilter
