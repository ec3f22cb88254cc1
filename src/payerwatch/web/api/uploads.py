"""`uploads/`: the files that were sent or loaded, and what became of their rows. A file's name may tell of a patient,
so that each look is on the record."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch import pipeline, receiving
from payerwatch.audit.record import Thing
from payerwatch.claims.actions import UploadAlreadyUndone, UploadChangedSince, UploadNotLoaded
from payerwatch.claims.arrivals import Asked, TooManyUploadsWaiting
from payerwatch.claims.formats.dates import DATE_ORDERS
from payerwatch.claims.models import Upload
from payerwatch.claims.queries import upload_counts
from payerwatch.claims.set_aside_rows import RejectedRowsNotKept, open_set_aside
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import MomentFilter
from payerwatch.web.api.fields import ColumnMapping, PublicId, RefusalTold
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown


class UploadBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="upl_…")
    reasons = serializers.DictField(
        child=serializers.IntegerField(min_value=0), read_only=True, help_text="rows set aside, by reason code"
    )
    mapping = serializers.DictField(
        child=serializers.CharField(allow_null=True), read_only=True, help_text="field -> the file's column"
    )
    refusal = RefusalTold(read_only=True, allow_null=True, help_text="why it was refused")
    dropped_columns = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="columns refused at the door as patient data"
    )

    class Meta:
        model = Upload
        fields = [
            "id", "state", "source", "form", "filename", "digest", "size_bytes", "received_bytes", "rows", "accepted",
            "set_aside", "new_claims", "updated_claims", "unchanged_claims", "reasons", "mapping", "dropped_columns",
            "date_order", "first_date", "last_date", "stage", "done", "total", "refusal", "repeats", "detection_due",
            "received_at", "loaded_at", "undone_at",
        ]  # fmt: skip


_COLUMNS = ("public_id", *UploadBody.Meta.fields[1:])


def upload_document(row: Sequence[Any]) -> dict[str, Any]:
    """What UploadBody says of an upload, of its columns."""
    return dict(zip(UploadBody.Meta.fields, row, strict=True))


class UploadFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=Upload.State.choices, help_text="Uploads that are in this state now.")
    loaded_from = MomentFilter(
        field_name="loaded_at", lookup_expr="gte", help_text="Uploads loaded at this time or later."
    )
    loaded_to = MomentFilter(field_name="loaded_at", lookup_expr="lt", help_text="Uploads loaded before this time.")


class NewUpload(serializers.Serializer):
    file = serializers.FileField(max_length=255, help_text="CSV or other delimited text, of at most 16 MiB")
    mapping = ColumnMapping(required=False, help_text="JSON: field -> the file's column, or null for none")
    date_order = serializers.ChoiceField(DATE_ORDERS, required=False, help_text="how dates like 03/04/2026 are read")


class UndoneBody(serializers.Serializer):
    id = PublicId(source="upload.public_id", help_text="upl_…")
    state = serializers.CharField(source="upload.state")
    removed_claims = serializers.IntegerField(source="upload.new_claims")
    restored_claims = serializers.IntegerField(source="upload.updated_claims")
    events_set_back = serializers.IntegerField(help_text="drift events that had been judged on weeks now gone")
    repeated_by = serializers.SerializerMethodField(help_text="later uploads whose claims may have gone with it")

    def get_repeated_by(self, undone: pipeline.Undone) -> list[str]:
        return [later.public_id for later in undone.repeated_by]


class UploadCounts(serializers.Serializer):
    files = serializers.IntegerField(help_text="that are loaded")
    rows = serializers.IntegerField()
    accepted = serializers.IntegerField()
    set_aside = serializers.IntegerField()
    by_state = serializers.DictField(child=serializers.IntegerField(), help_text="how many uploads are in each state")
    by_reason = serializers.DictField(child=serializers.IntegerField(), help_text="rows set aside, by reason code")
    last_loaded_at = serializers.DateTimeField(allow_null=True)


class Uploads(Listed, Shown, Resource):
    """Files, and what became of their rows."""

    thing = "upload"
    verbs: ClassVar = {"create": "receive", "rejected_rows": "read", "stats": "read"}
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "rejected_rows", "stats"), Permission.READ_CLAIMS),
        **dict.fromkeys(("create", "undo"), Permission.LOAD_CLAIMS),
    }
    takes: ClassVar = {"create": NewUpload}
    read_as: ClassVar = {"create": [MultiPartParser]}
    gives: ClassVar = {
        "create": Gives(UploadBody, HTTPStatus.ACCEPTED),
        "undo": Gives(UndoneBody),
        "rejected_rows": Gives(media=("text/csv",), streamed=True),
        "stats": Gives(UploadCounts),
    }
    largest_body: ClassVar[Mapping[str, int]] = {"create": settings.FILE_UPLOAD_MAX_MEMORY_SIZE}
    refuses: ClassVar = {
        "create": [TooManyUploadsWaiting],
        "undo": [UploadNotLoaded, UploadAlreadyUndone, UploadChangedSince],
        "rejected_rows": [RejectedRowsNotKept],
    }
    reading_is_recorded = True
    plain_filters = frozenset({"state", "loaded_from", "loaded_to"})
    shown_as = "uploads"
    queryset = Upload.objects.all()
    columns = _COLUMNS
    document = staticmethod(upload_document)
    order = ("-arrived_at", "-public_id")  # neither is changed by loading, which makes another row
    serializer_class = UploadBody
    filterset_class = UploadFilter

    def create(self, request: Request) -> Response:
        """Send a file: the answer is the upload to watch, at the address in `Location`, while it is loaded and judged.

        Larger files, and connections that break, are for `uploads/resumable/`.
        """
        asked = self.body()
        sent = asked.pop("file")
        upload = receiving.receive(sent.read(), Asked(sent.name, **asked), actor=self.caller.actor)
        answer = self.answer(upload)
        answer["Location"] = f"{request.path}{upload.public_id}/"
        return answer

    def undo(self, request: Request, public_id: str) -> Response:
        """Take a load back: its claims are again as they were before it."""
        upload = self.get_object()
        customer, actor = self.caller.customer, self.caller.actor
        assert customer is not None
        return self.answer(pipeline.undo(customer, upload.public_id, actor=actor, files_named=False))

    def stats(self, request: Request) -> Response:
        """How much was loaded, and what was set aside and why."""
        counts = upload_counts()
        self.record_reading(Thing(self.thing), count=counts["files"])
        return self.answer(counts)

    def rejected_rows(self, request: Request, public_id: str) -> StreamingHttpResponse:
        """The rows of an upload that could not be loaded, each with its reason, as a file."""
        assert self.caller.customer is not None
        upload = self.get_object()
        rows = open_set_aside(self.caller.customer, upload)
        self.record_reading(Thing(self.thing, upload.public_id), rejected_rows=upload.set_aside)
        disposition = f'attachment; filename="{upload.public_id}-rejected-rows.csv"'
        return StreamingHttpResponse(
            rows, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition}
        )
