"""`uploads/`: the files that were loaded, and what became of their rows. A file's name may tell of a patient, so that
each look is on the record."""

from typing import ClassVar

from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.claims.models import Upload
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Listed, Resource, Shown


class UploadBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="upl_…")
    reasons = serializers.DictField(
        child=serializers.IntegerField(min_value=0), read_only=True, help_text="rows set aside, by reason code"
    )
    mapping = serializers.DictField(
        child=serializers.CharField(allow_null=True), read_only=True, help_text="field -> the file's column"
    )
    dropped_columns = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="columns refused at the door as patient data"
    )

    class Meta:
        model = Upload
        fields = [
            "id", "state", "filename", "digest", "size_bytes", "rows", "accepted", "set_aside", "new_claims",
            "updated_claims", "unchanged_claims", "reasons", "mapping", "dropped_columns", "date_order", "first_date",
            "last_date", "loaded_at", "undone_at",
        ]  # fmt: skip


class UploadFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=Upload.State.choices)


class Uploads(Listed, Shown, Resource):
    thing = "upload"
    may: ClassVar = {"list": Permission.READ_CLAIMS, "retrieve": Permission.READ_CLAIMS}
    reading_is_recorded = True
    plain_filters = frozenset({"state"})
    shown_as = "uploads"
    queryset = Upload.objects.all()
    order = ("-pk",)
    serializer_class = UploadBody
    filterset_class = UploadFilter
