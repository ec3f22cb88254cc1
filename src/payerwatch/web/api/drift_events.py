"""`drift-events/`: what changed in how payers treat claims."""

from typing import ClassVar, get_args

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.drift.documents import event_document, event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.sentences import Certainty
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import DayFilter
from payerwatch.web.api.fields import Dollars, PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown


class DriftEventBody(serializers.ModelSerializer):
    """The event with its figures and the sentence people read."""

    id = PublicId(source="public_id", help_text="evt_…")
    payer = serializers.CharField(source="payer.name", read_only=True)
    cpt_group = serializers.SerializerMethodField(help_text="null for the payer as a whole")
    parent = PublicId(  # type: ignore[assignment]
        source="parent.public_id", default=None, help_text="the event of the payer as a whole"
    )
    amount_at_risk = Dollars(help_text="US dollars")
    sentence = serializers.SerializerMethodField(help_text="the event in plain words")

    class Meta:
        model = DriftEvent
        fields = [
            "id", "measure", "payer", "cpt_group", "parent", "direction", "tier", "certainty", "status", "episode",
            "first_week", "alert_week", "as_of_week", "closed_week", "window", "observed", "expected", "effect",
            "p_value", "q_value", "claims", "amount_at_risk", "top_denial_category", "provisional", "sentence",
        ]  # fmt: skip

    def get_cpt_group(self, event: DriftEvent) -> str | None:
        return event.cpt_group or None

    def get_sentence(self, event: DriftEvent) -> str:
        return event_sentence(event)


class DriftEventFilter(filters.FilterSet):
    payer = filters.CharFilter(field_name="payer__name", lookup_expr="iexact", max_length=200)
    cpt_group = filters.CharFilter(max_length=40)
    measure = filters.ChoiceFilter(choices=DriftEvent.Measure.choices)
    direction = filters.ChoiceFilter(choices=DriftEvent.Direction.choices)
    tier = filters.ChoiceFilter(choices=DriftEvent.Tier.choices)
    certainty = filters.ChoiceFilter(choices=[(each, each) for each in get_args(Certainty)])
    status = filters.ChoiceFilter(choices=DriftEvent.Status.choices)
    first_week_from = DayFilter(field_name="first_week", lookup_expr="gte")
    first_week_to = DayFilter(field_name="first_week", lookup_expr="lte")
    search = filters.CharFilter(method="found_by", max_length=200)

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
