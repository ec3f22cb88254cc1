"""`ingest/claims/`: batches of claims that programs send, signed where the customer has a secret, and brought once.

A batch is an upload like any other, in `uploads/` too; here its sender watches it without being able to read claims.
"""

import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import IO, Any, ClassVar, NamedTuple

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch import receiving
from payerwatch.audit.record import Thing
from payerwatch.claims.arrivals import Asked, TooManyBatchesWaiting
from payerwatch.claims.batch_names import BatchChanged
from payerwatch.claims.formats.csv import Form
from payerwatch.claims.formats.dates import DATE_ORDERS
from payerwatch.claims.models import BatchName, Upload
from payerwatch.deliveries import signing
from payerwatch.members.ingest_secrets import secrets_in_force
from payerwatch.members.roles import Permission
from payerwatch.refusals import Refusal
from payerwatch.web import http_refusals as http
from payerwatch.web.api.fields import ColumnMapping, PublicId, RefusalTold
from payerwatch.web.api.filtering import refuse_unless_valid
from payerwatch.web.api.header_fields import HeaderField, text
from payerwatch.web.api.once import HEADER, LONGEST_KEY, can_be_a_key
from payerwatch.web.api.resource import Gives, Resource, Shown

MAPPING, DATE_ORDER = "Claims-Mapping", "Claims-Date-Order"


class BatchNameUnusable(Refusal):
    """What the batch is called is empty, too long, or holds what cannot be printed."""

    def __init__(self, header: str = "") -> None:
        super().__init__(
            "A batch cannot be called so.",
            where=header,
            fix=f"Send 1 to {LONGEST_KEY} printable ASCII characters, such as a UUID.",
        )


class BatchNamedTwice(Refusal):
    """The batch is called one thing by `webhook-id` and another by `Idempotency-Key`."""

    def __init__(self) -> None:
        super().__init__("The batch has two names.", fix=f"Send {signing.ID} where it is signed, else {HEADER}.")


class BatchBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="upl_…")
    reasons = serializers.DictField(
        child=serializers.IntegerField(min_value=0), read_only=True, help_text="rows set aside, by reason code"
    )
    mapping = serializers.DictField(
        child=serializers.CharField(allow_null=True), read_only=True, help_text="field -> the batch's column or key"
    )
    dropped_columns = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="columns refused at the door as patient data"
    )
    rejected_rows = serializers.SerializerMethodField(
        help_text="where the rows are that were set aside, for who may read claims"
    )
    refusal = RefusalTold(read_only=True, allow_null=True, help_text="why it was refused")
    conflicts = serializers.IntegerField(
        read_only=True, help_text="how often its name was sent again with another body, which was refused"
    )
    last_conflict_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="when that was last")

    class Meta:
        model = Upload
        fields = [
            "id", "state", "form", "digest", "size_bytes", "rows", "accepted", "set_aside", "new_claims",
            "updated_claims", "unchanged_claims", "reasons", "rejected_rows", "mapping", "dropped_columns",
            "date_order", "refusal", "repeats", "conflicts", "last_conflict_at", "detection_due", "received_at",
            "loaded_at", "undone_at",
        ]  # fmt: skip

    def get_rejected_rows(self, upload: Upload) -> str | None:
        kept = upload.set_aside and upload.state in (Upload.State.LOADED, Upload.State.REFUSED)
        return reverse("Uploads.rejected_rows", args=[upload.public_id]) if kept else None


class SentBatchBody(BatchBody):
    repeated = serializers.BooleanField(read_only=True, help_text="whether this very batch was here already")

    class Meta(BatchBody.Meta):
        fields = [*BatchBody.Meta.fields, "repeated"]


class ReadAs(serializers.Serializer):
    """How the rows are to be read, where they leave it open."""

    mapping = ColumnMapping(required=False)
    date_order = serializers.ChoiceField(DATE_ORDERS, required=False)


class SentRows(NamedTuple):
    """What was sent, not looked into."""

    form: Form
    content: bytes


class JsonLines(BaseParser):
    """One JSON object a line."""

    media_type = "application/x-ndjson"
    form: ClassVar[Form] = "ndjson"

    def parse(  # type: ignore[override]
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> SentRows:
        return SentRows(self.form, stream.read())


class CommaSeparated(JsonLines):
    """CSV, or other delimited text."""

    media_type = "text/csv"
    form: ClassVar[Form] = "csv"


_NAME = text(r"^[\x20-\x7e]+$", LONGEST_KEY)
_HEARS = [
    HeaderField(
        HEADER, "What the sender calls the batch, where it is not signed: sent again, it is not brought again.", _NAME,
        "msg_2026_01_05", required=False,
    ),
    HeaderField(
        signing.ID, "The same of a signed batch, which is signed with it.", _NAME, "msg_2026_01_05", required=False
    ),
    HeaderField(
        signing.TIMESTAMP, "When it was signed, in seconds since 1970; at most five minutes from now.",
        text("^[0-9]{1,12}$", 12), "1767618000", required=False,
    ),
    HeaderField(
        signing.SIGNATURE, "Signatures as of Standard Webhooks, with spaces between: one must be good.", text(),
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=", required=False,
    ),
    HeaderField(
        MAPPING, "JSON: our field and the column or key that it is, or null for none.", text(),
        '{"payer": "Ins Co"}', required=False,
    ),
    HeaderField(
        DATE_ORDER, "How dates like 03/04/2026 are read.", {"type": "string", "enum": list(DATE_ORDERS)}, "mdy",
        required=False,
    ),
]  # fmt: skip
_NAMES = BatchName.objects.filter(public_id=OuterRef("public_id"))


class IngestClaims(Shown, Resource):
    """Batches of claims that programs send."""

    thing = "upload"
    verbs: ClassVar = {"create": "receive"}
    may: ClassVar = dict.fromkeys(("create", "retrieve"), Permission.LOAD_CLAIMS)
    read_as: ClassVar = {"create": [JsonLines, CommaSeparated]}
    hears: ClassVar = {"create": _HEARS}
    gives: ClassVar = {"create": Gives(SentBatchBody, HTTPStatus.ACCEPTED, otherwise=HTTPStatus.OK)}
    largest_body: ClassVar[Mapping[str, int]] = {"create": settings.FILE_UPLOAD_MAX_MEMORY_SIZE}
    refuses: ClassVar = {
        "create": [
            http.Invalid, http.UnsupportedMediaType, signing.SignatureMissing, signing.SignatureStale,
            signing.SignatureWrong, BatchNameUnusable, BatchNamedTwice, BatchChanged, TooManyBatchesWaiting,
        ],
    }  # fmt: skip
    keeps_answers = False
    own_keys = frozenset({"create"})
    reading_is_recorded = True
    recorded_too = frozenset({HTTPStatus.UNAUTHORIZED})  # of who has a key and not the secret
    queryset = (
        Upload.objects.filter(source=Upload.Source.INGEST)
        .defer("filename")
        .annotate(
            conflicts=Coalesce(Subquery(_NAMES.values("conflicts")), 0),
            last_conflict_at=Subquery(_NAMES.values("last_conflict_at")),
        )
    )
    serializer_class = BatchBody

    def create(self, request: Request) -> Response:
        """Send a batch of claims: the answer is the batch to watch, at the address in `Location`, while it is loaded.

        Under the name that its sender gives it, a batch is brought once: sent again, the answer is 200 and the same
        batch; with another body it is refused, and counted as a conflict where people see it.
        """
        body = request._request.body
        secrets = secrets_in_force()
        if secrets:
            signing.refuse_unless_signed(request.headers, body, secrets, now=int(time.time()))
        sent = _rows(request)
        try:
            batch = receiving.receive_batch(
                sent.content, _asked(request, sent.form), _name(request), actor=self.caller.actor
            )
        except BatchChanged as changed:
            noted = partial(receiving.batch_conflicted, changed.public_id)
            self.if_refused(Thing(self.thing, changed.public_id), noted)
            raise
        shown: Any = self.get_queryset().get(public_id=batch.upload.public_id)  # loading has replaced the row, perhaps
        shown.repeated = batch.repeated
        answer = self.answer(shown)
        answer.status_code = HTTPStatus.OK if batch.repeated else HTTPStatus.ACCEPTED
        answer["Location"] = reverse("IngestClaims.retrieve", args=[shown.public_id])
        return answer

    def retrieve(self, request: Request, public_id: str) -> Response:
        """One batch: how far it is, what became of its rows, and whether its name was sent with something else."""
        return super().retrieve(request, public_id)


def _rows(request: Request) -> SentRows:
    """What was sent; a body without any bytes is given by the framework as an empty document."""
    sent: Any = request.data
    return sent if isinstance(sent, SentRows) else SentRows("csv", b"")


def _asked(request: Request, form: Form) -> Asked:
    """How the rows are to be read. Raises ValidationError."""
    said = {"mapping": request.headers.get(MAPPING), "date_order": request.headers.get(DATE_ORDER)}
    given = {name: value for name, value in said.items() if value is not None}
    read_as: dict[str, Any] = {}
    if given:
        filled = ReadAs(data=given)
        refuse_unless_valid(filled)
        read_as = dict(filled.validated_data)
    return Asked(f"batch.{form}", **read_as, form=form, source=Upload.Source.INGEST)


def _name(request: Request) -> str:
    """What the sender calls the batch; blank where nothing is said. Raises BatchNameUnusable or BatchNamedTwice."""
    names = {header: request.headers[header] for header in (signing.ID, HEADER) if header in request.headers}
    for header, name in names.items():
        if not can_be_a_key(name):
            raise BatchNameUnusable(header)
    if len(set(names.values())) > 1:
        raise BatchNamedTwice
    return next(iter(names.values()), "")
