"""`claims/payer_summary/`: each payer in a line, from the run-off cells, which hold counts and no claim."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.models import Payer
from payerwatch.drift.models import RunoffCell
from payerwatch.drift.payer_figures import FIGURES, PayerFigures, submitted, summed_by_payer
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import DayFilter
from payerwatch.web.api.fields import Dollars, PublicId
from payerwatch.web.api.resource import Listed, Resource


class PayerSummaryBody(serializers.Serializer):
    """One payer's claims and what became of them. Decisions are first decisions; claims billed at nothing are left
    out."""

    id = PublicId(source="payer.public_id", help_text="pyr_…")
    payer = serializers.CharField(source="payer.name", help_text="the payer's name")
    claims = serializers.IntegerField(source="figures.claims", help_text="claims submitted")
    decided = serializers.IntegerField(source="figures.decided", help_text="of these, decided")
    denied = serializers.IntegerField(source="figures.denied", help_text="denied, but for exact duplicates")
    denial_rate = serializers.FloatField(
        source="figures.denial_rate", allow_null=True, help_text="0 to 1: denied / denial_rate_of; null without any"
    )
    denial_rate_of = serializers.IntegerField(
        source="figures.denial_rate_of", help_text="decided, but for denials as exact duplicate"
    )
    days_to_decision = serializers.FloatField(
        source="figures.days_to_decision",
        allow_null=True,
        help_text="mean days from submission to first decision, of those decided; null without any",
    )
    billed_amount = Dollars(source="figures.billed_amount", help_text="US dollars, of all claims that have it")
    allowed_amount = Dollars(source="figures.allowed_amount", help_text="US dollars, of all claims that have it")
    paid_amount = Dollars(source="figures.paid_amount", help_text="US dollars, of all claims that have it")


class PayerSummaryFilter(filters.FilterSet):
    """Days mean the whole weeks, Monday to Sunday, that hold them: finer than that is not counted."""

    payer = filters.CharFilter(
        field_name="payer__name",
        lookup_expr="iexact",
        max_length=200,
        help_text="The payer of exactly this name, in any case of letters.",
    )
    submitted_from = DayFilter(
        method="as_cells", help_text="Claims sent to the payer in the week of this day or later."
    )
    submitted_to = DayFilter(
        method="as_cells", help_text="Claims sent to the payer in the week of this day or earlier."
    )
    cpt_group = filters.CharFilter(method="as_cells", max_length=40)

    def as_cells(self, found: Any, _name: str, _value: Any) -> Any:
        """The three together say which cells are counted."""
        return found


class PayerSummary(Listed, Resource):
    """Claims, denials, days and money by payer, by name; of payers that have any."""

    thing = "payer"
    may: ClassVar = {"list": Permission.READ_CLAIMS}
    queryset = RunoffCell.objects.all()
    columns = ("payer_id", "name", *FIGURES)
    order = ("name_key",)
    serializer_class = PayerSummaryBody
    filterset_class = PayerSummaryFilter

    def filter_queryset(self, queryset: Any) -> Any:
        found = super().filter_queryset(queryset)
        first, last, group = (self.asked.get(name) for name in ("submitted_from", "submitted_to", "cpt_group"))
        return summed_by_payer(submitted(found, first, last, group or ""))

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset) or ()
        return [
            {"payer": Payer(pk=payer, name=name), "figures": PayerFigures(*figures)} for payer, name, *figures in rows
        ]
