"""`claims/`: the claims as they are known now. Every answer that shows claims is on the record."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.denials import DENIAL_CATEGORIES
from payerwatch.claims.models import Claim, Upload, numbers_read
from payerwatch.claims.queries import UnknownUpload, claims_with_number, payer_named, ways_of_searching
from payerwatch.members.roles import Permission
from payerwatch.tenancy.ways import Ways
from payerwatch.web.api.dates import DayFilter
from payerwatch.web.api.fields import Dollars, PublicId
from payerwatch.web.api.numbered import Numbered
from payerwatch.web.api.resource import Listed, Resource, Shown

STATUSES = ("paid", "partially_paid", "denied", "appealed", "pending")


class ClaimBody(serializers.ModelSerializer):
    id = serializers.SerializerMethodField(help_text="clm_…")
    claim_number = serializers.CharField(read_only=True)
    payer = serializers.CharField(source="payer.name", read_only=True)
    upload = PublicId(source="upload.public_id", help_text="upl_… that last changed the claim")
    billed_amount = Dollars(help_text="US dollars")
    allowed_amount = Dollars(help_text="US dollars")
    paid_amount = Dollars(help_text="US dollars")
    status = serializers.ChoiceField(STATUSES, read_only=True)
    denial_category = serializers.ChoiceField(DENIAL_CATEGORIES, read_only=True, allow_null=True)
    first_denial_category = serializers.ChoiceField(DENIAL_CATEGORIES, read_only=True, allow_null=True)

    class Meta:
        model = Claim
        fields = [
            "id", "claim_number", "payer", "cpt", "cpt_group", "submitted_date", "service_date", "billed_amount",
            "allowed_amount", "paid_amount", "outcome", "status", "decided_date", "denial_code", "denial_category",
            "first_outcome", "first_decided_date", "first_denial_category", "upload",
        ]  # fmt: skip

    def get_id(self, claim: Claim) -> str:
        return f"clm_{claim.pk}"


_COLUMNS = (
    "pk", "claim_key", "sealed_number", "payer__name", "cpt", "cpt_group", "submitted_date", "service_date",
    "billed_amount", "allowed_amount", "paid_amount", "outcome", "status", "decided_date", "denial_code",
    "denial_category", "first_outcome", "first_decided_date", "first_denial_category", "upload__public_id",
)  # fmt: skip


def claim_documents(rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """What ClaimBody says of claims, of their columns."""
    numbers = numbers_read([(row[1], row[2]) for row in rows])
    return [_document(row, number) for row, number in zip(rows, numbers, strict=True)]


def _document(row: Sequence[Any], number: str) -> dict[str, Any]:
    (
        pk, _, _, payer, cpt, cpt_group, submitted, service, billed, allowed, paid, outcome, status, decided,
        denial_code, denial_category, first_outcome, first_decided, first_denial_category, upload,
    ) = row  # fmt: skip
    return {
        "id": f"clm_{pk}",
        "claim_number": number,
        "payer": payer,
        "cpt": cpt,
        "cpt_group": cpt_group,
        "submitted_date": submitted,
        "service_date": service,
        "billed_amount": None if billed is None else billed / 100,
        "allowed_amount": None if allowed is None else allowed / 100,
        "paid_amount": None if paid is None else paid / 100,
        "outcome": outcome,
        "status": status,
        "decided_date": decided,
        "denial_code": denial_code,
        "denial_category": denial_category,
        "first_outcome": first_outcome,
        "first_decided_date": first_decided,
        "first_denial_category": first_denial_category,
        "upload": upload,
    }


class ClaimFilter(filters.FilterSet):
    claim_number = filters.CharFilter(method="with_number", max_length=100, help_text="Claims of exactly this number.")
    payer = filters.CharFilter(
        method="of_payer", max_length=200, help_text="Claims of the payer of exactly this name, in any case of letters."
    )
    cpt = filters.CharFilter(max_length=5, help_text="Claims of exactly this CPT or HCPCS code.")
    cpt_group = filters.CharFilter(max_length=40)
    outcome = filters.ChoiceFilter(
        choices=Claim.Outcome.choices, help_text="Claims that are paid, denied or pending now."
    )
    status = filters.ChoiceFilter(
        choices=[(each, each) for each in STATUSES],
        help_text="Claims of this status now: as the outcome, with what is paid in part or appealed told apart.",
    )
    denial_code = filters.CharFilter(
        max_length=8, help_text="Claims of which the denial that holds now bears exactly this reason code, such as 197."
    )
    denial_category = filters.ChoiceFilter(
        choices=[(each, each) for each in DENIAL_CATEGORIES],
        help_text="Claims of which the denial that holds now is for a reason of this kind.",
    )
    submitted_from = DayFilter(
        field_name="submitted_date", lookup_expr="gte", help_text="Claims sent to the payer on this day or later."
    )
    submitted_to = DayFilter(
        field_name="submitted_date", lookup_expr="lte", help_text="Claims sent to the payer on this day or earlier."
    )
    decided_from = DayFilter(
        field_name="decided_date",
        lookup_expr="gte",
        help_text="Claims of which the decision that holds now is of this day or later.",
    )
    decided_to = DayFilter(
        field_name="decided_date",
        lookup_expr="lte",
        help_text="Claims of which the decision that holds now is of this day or earlier.",
    )
    upload = filters.CharFilter(
        method="of_upload", max_length=24, help_text="Claims that this upload was the last to change, by its id."
    )
    search = filters.CharFilter(
        method="of_any_claim",
        max_length=200,
        help_text="Claims whose number, CPT code or denial code is exactly this, or whose payer's name begins so.",
    )

    def of_payer(self, claims: QuerySet[Claim], _name: str, payer: str) -> QuerySet[Claim]:
        return claims.filter(payer=payer_named(payer))

    def of_any_claim(self, claims: QuerySet[Claim], _name: str, _term: str) -> QuerySet[Claim]:
        """All: which of them are found is for the page to say, in the `ways` that the listing names."""
        return claims

    def with_number(self, claims: QuerySet[Claim], _name: str, number: str) -> QuerySet[Claim]:
        return claims.filter(pk__in=claims_with_number(number).values("pk"))

    def of_upload(self, claims: QuerySet[Claim], _name: str, public_id: str) -> QuerySet[Claim]:
        upload = Upload.objects.filter(public_id=public_id).first()
        if upload is None:
            raise UnknownUpload(
                "There is no upload of this id.", where="upload", fix="GET uploads/ lists those there are."
            )
        return claims.filter(upload=upload)


class Claims(Numbered, Listed, Shown, Resource):
    thing, prefix = "claim", "clm"
    may: ClassVar = {"list": Permission.READ_CLAIMS, "retrieve": Permission.READ_CLAIMS}
    reading_is_recorded = True
    refuses: ClassVar = {"list": [UnknownUpload]}
    plain_filters = frozenset(
        {
            "payer", "cpt", "cpt_group", "outcome", "status", "denial_code", "denial_category", "submitted_from",
            "submitted_to", "decided_from", "decided_to", "upload",
        }
    )  # fmt: skip
    shown_as = "claims"
    queryset = Claim.objects.select_related("payer", "upload")
    columns = _COLUMNS
    queryset_is_fixed = True
    orders: ClassVar = {
        "-submitted_date": ("-submitted_date", "-pk"),
        "submitted_date": ("submitted_date", "pk"),
        "-billed_amount": ("-billed_amount", "-pk"),
    }
    serializer_class = ClaimBody
    filterset_class = ClaimFilter

    def documents(self, rows: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
        return claim_documents(rows)

    def ways(self) -> Ways | None:
        term = self.asked.get("search")
        return ways_of_searching(term) if term else None
