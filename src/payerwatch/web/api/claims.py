"""`claims/`: the claims as they are known now. Every answer that shows claims is on the record."""

import re
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.models import Claim, Upload
from payerwatch.claims.queries import claims_with_number
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import DayFilter
from payerwatch.web.api.fields import Dollars, PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown
from payerwatch.web.problems import NotFound

_CLAIM_ID = re.compile(r"clm_([1-9][0-9]{0,17})", re.ASCII)


class ClaimBody(serializers.ModelSerializer):
    id = serializers.SerializerMethodField(help_text="clm_…")
    claim_number = serializers.CharField(read_only=True)
    payer = serializers.CharField(source="payer.name", read_only=True)
    upload = PublicId(source="upload.public_id", help_text="upl_… that last changed the claim")
    billed_amount = Dollars(help_text="US dollars")
    allowed_amount = Dollars(help_text="US dollars")
    paid_amount = Dollars(help_text="US dollars")

    class Meta:
        model = Claim
        fields = [
            "id", "claim_number", "payer", "cpt", "cpt_group", "submitted_date", "service_date", "billed_amount",
            "allowed_amount", "paid_amount", "outcome", "status", "decided_date", "denial_code", "denial_category",
            "first_outcome", "first_decided_date", "first_denial_category", "upload",
        ]  # fmt: skip

    def get_id(self, claim: Claim) -> str:
        return f"clm_{claim.pk}"


class ClaimFilter(filters.FilterSet):
    claim_number = filters.CharFilter(method="with_number", max_length=100)
    payer = filters.CharFilter(field_name="payer__name", lookup_expr="iexact", max_length=200)
    outcome = filters.ChoiceFilter(choices=Claim.Outcome.choices)
    submitted_from = DayFilter(field_name="submitted_date", lookup_expr="gte")
    submitted_to = DayFilter(field_name="submitted_date", lookup_expr="lte")
    upload = filters.CharFilter(method="of_upload", max_length=24)

    def with_number(self, claims: QuerySet[Claim], _name: str, number: str) -> QuerySet[Claim]:
        return claims.filter(pk__in=claims_with_number(number).values("pk"))

    def of_upload(self, claims: QuerySet[Claim], _name: str, public_id: str) -> QuerySet[Claim]:
        upload = Upload.objects.filter(public_id=public_id).first()
        if upload is None:
            raise NotFound
        return claims.filter(upload=upload)


class Claims(Listed, Shown, Resource):
    thing = "claim"
    may: ClassVar = {"list": Permission.READ_CLAIMS, "retrieve": Permission.READ_CLAIMS}
    reading_is_recorded = True
    plain_filters = frozenset({"payer", "outcome", "submitted_from", "submitted_to", "upload"})
    shown_as = "claims"
    refuses: ClassVar = {"list": [NotFound]}
    queryset = Claim.objects.select_related("payer", "upload")
    order = ("-submitted_date", "-pk")
    serializer_class = ClaimBody
    filterset_class = ClaimFilter

    def with_id(self, public_id: str) -> Any:
        known = _CLAIM_ID.fullmatch(public_id)
        return self.get_queryset().filter(pk=int(known[1])).first() if known else None
