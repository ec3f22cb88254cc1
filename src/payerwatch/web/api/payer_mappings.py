"""`payer-mappings/`: which spelling of files means which payer. A spelling may be any cell of a file, so that each look
is on the record."""

from http import HTTPStatus
from typing import ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch import pipeline
from payerwatch.claims.actions import MappedAlready, PayerNameUnusable
from payerwatch.claims.models import PayerMapping
from payerwatch.claims.payers import payer_key
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.numbered import Numbered
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown


class PayerMappingBody(serializers.ModelSerializer):
    """One spelling and the payer it means."""

    id = PublicId(source="public_id", help_text="map_…")
    raw_name = serializers.CharField(read_only=True, help_text="as the first file or person wrote it")
    payer = serializers.CharField(source="payer.name", read_only=True, help_text="the payer's name")
    payer_id = PublicId(source="payer.public_id", help_text="pyr_…")

    class Meta:
        model = PayerMapping
        fields = ["id", "raw_name", "payer", "payer_id"]


class NewPayer(serializers.Serializer):
    payer = serializers.CharField(max_length=200, help_text="the payer's name; who is not there yet is added")


class NewPayerMapping(NewPayer):
    raw_name = serializers.CharField(max_length=200, help_text="the spelling; case, spaces and points do not matter")


class PayerMappingFilter(filters.FilterSet):
    payer = filters.CharFilter(
        field_name="payer__name",
        lookup_expr="iexact",
        max_length=200,
        help_text="Spellings of the payer of exactly this name, in any case of letters.",
    )
    search = filters.CharFilter(
        method="of_spelling",
        max_length=200,
        help_text="Spellings with this in them; case, spaces and points do not matter.",
    )

    def of_spelling(self, found: QuerySet[PayerMapping], _name: str, text: str) -> QuerySet[PayerMapping]:
        key = payer_key(text)
        return found.filter(raw_key__contains=key) if key else found.none()


class PayerMappings(Numbered, Listed, Shown, Resource):
    """Spellings of payers' names. Claims loaded before follow a change, and the next drift run sees it."""

    thing, prefix = "payer_mapping", "map"
    refuses: ClassVar = {"create": [PayerNameUnusable, MappedAlready], "partial_update": [PayerNameUnusable]}
    verbs: ClassVar = dict.fromkeys(("create", "partial_update"), "map")
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), Permission.READ_MAPPINGS),
        **dict.fromkeys(("create", "partial_update"), Permission.MANAGE_MAPPINGS),
    }
    takes: ClassVar = {"create": NewPayerMapping, "partial_update": NewPayer}
    gives: ClassVar = {
        "create": Gives(PayerMappingBody, HTTPStatus.CREATED, otherwise=HTTPStatus.OK),
        "partial_update": Gives(PayerMappingBody),
    }
    guarded: ClassVar = frozenset({"partial_update"})
    reading_is_recorded = True
    plain_filters = frozenset({"payer"})
    shown_as = "payer_mappings"
    queryset = PayerMapping.objects.select_related("payer")
    order = ("pk",)
    serializer_class = PayerMappingBody
    filterset_class = PayerMappingFilter

    def hold(self) -> None:
        """Claims and then the customer's row, as whatever changes claims does."""
        pipeline.lock_claims_and_findings()

    def create(self, request: Request) -> Response:
        """Map a spelling to a payer: 201 for a new one, 200 where it means this payer already.

        What means another payer stays as it is (409 `mapped_already`): it is changed at its own address.
        """
        asked = self.body()
        return self._mapped(asked["raw_name"], asked["payer"], only_new=True)

    def partial_update(self, request: Request, public_id: str) -> Response:
        """Map the spelling to another payer."""
        payer = self.body()["payer"]
        return self._mapped(self.get_object().raw_name, payer)

    def _mapped(self, raw_name: str, payer: str, *, only_new: bool = False) -> Response:
        customer, actor = self.caller.customer, self.caller.actor
        assert customer is not None
        mapping, new = pipeline.map_payer(customer, raw_name, payer, actor=actor, only_new=only_new)
        answer = self.answer(mapping)
        answer.status_code = HTTPStatus.CREATED if new else HTTPStatus.OK
        return answer
