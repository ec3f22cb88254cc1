"""`uploads/`: the files that were loaded, and what became of their rows. A file's name may tell of a patient, so that
each look is on the record."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.models import Upload
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import MomentFilter
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown


class UploadBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="upl_…")

    class Meta:
        model = Upload
        fields = [
            "id", "state", "filename", "digest", "size_bytes", "rows", "accepted", "set_aside", "new_claims",
            "updated_claims", "unchanged_claims", "reasons", "mapping", "dropped_columns", "date_order", "first_date",
            "last_date", "loaded_at", "undone_at",
        ]  # fmt: skip


_COLUMNS = ("public_id", *UploadBody.Meta.fields[1:])


def upload_document(row: Sequence[Any]) -> dict[str, Any]:
    """What UploadBody says of an upload, of its columns."""
    return dict(zip(UploadBody.Meta.fields, row, strict=True))


class UploadFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=Upload.State.choices)
    loaded_from = MomentFilter(field_name="loaded_at", lookup_expr="gte")
    loaded_to = MomentFilter(field_name="loaded_at", lookup_expr="lt")


class Uploads(Listed, Shown, Resource):
    thing = "upload"
    may: ClassVar = {"list": Permission.READ_CLAIMS, "retrieve": Permission.READ_CLAIMS}
    reading_is_recorded = True
    plain_filters = frozenset({"state", "loaded_from", "loaded_to"})
    shown_as = "uploads"
    queryset = Upload.objects.all()
    columns = _COLUMNS
    document = staticmethod(upload_document)
    orders: ClassVar = {"-loaded_at": ("-loaded_at", "-pk"), "loaded_at": ("loaded_at", "pk")}
    serializer_class = UploadBody
    filterset_class = UploadFilter
