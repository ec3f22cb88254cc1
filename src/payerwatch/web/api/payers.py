"""`payers/`: who decides the customer's claims, by the names that files and people gave them."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.models import Payer
from payerwatch.claims.payers import payer_key
from payerwatch.claims.queries import payers
from payerwatch.drift.payer_figures import figures_of
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.numbered import Numbered
from payerwatch.web.api.resource import Listed, Resource, Shown


class PayerBody(serializers.ModelSerializer):
    """A payer, with how many claims are counted as its own."""

    id = PublicId(source="public_id", help_text="pyr_…")
    spellings = serializers.IntegerField(read_only=True, help_text="how many spellings are mapped to it")
    claims = serializers.IntegerField(
        source="figures.claims", read_only=True, help_text="claims counted, without those billed at nothing"
    )
    last_submitted_week = serializers.DateField(
        source="figures.last_week", read_only=True, allow_null=True, help_text="the Monday of the last week with claims"
    )

    class Meta:
        model = Payer
        fields = ["id", "name", "spellings", "claims", "last_submitted_week"]
        extra_kwargs = {"name": {"help_text": "as a file or a person first wrote it"}}


class PayerFilter(filters.FilterSet):
    search = filters.CharFilter(
        method="of_name",
        max_length=200,
        help_text="Payers with this in their name; case, spaces and points do not matter.",
    )

    def of_name(self, found: QuerySet[Payer], _name: str, text: str) -> QuerySet[Payer]:
        key = payer_key(text)
        return found.filter(name_key__contains=key) if key else found.none()


class Payers(Numbered, Listed, Shown, Resource):
    """The payers of the customer, by name."""

    thing, prefix = "payer", "pyr"
    may: ClassVar = dict.fromkeys(("list", "retrieve"), Permission.READ_MAPPINGS)
    order = ("name_key",)
    serializer_class = PayerBody
    filterset_class = PayerFilter

    def get_queryset(self) -> Any:
        return payers()

    def paginate_queryset(self, queryset: Any) -> Any:
        return with_figures(super().paginate_queryset(queryset))

    def with_id(self, public_id: str) -> Any:
        found = super().with_id(public_id)
        return found and with_figures([found])[0]


def with_figures(shown: Any) -> Any:
    """The payers, each with its `figures`, which one query brings for all."""
    figures = figures_of([payer.pk for payer in shown])
    for payer in shown:
        payer.figures = figures[payer.pk]
    return shown
