"""`audit-entries/`: who did what to what in the customer, newest first."""

import json
from collections.abc import Sequence
from typing import Any, ClassVar, get_args

from django.http import StreamingHttpResponse
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request

from payerwatch.audit.actors import Kind
from payerwatch.audit.exports import begin_export
from payerwatch.audit.models import Entry
from payerwatch.audit.record import Outcome
from payerwatch.members.roles import Permission
from payerwatch.web.api.dates import Moment, MomentFilter
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.numbered import Numbered
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown

MEDIA_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}
KINDS, OUTCOMES = get_args(Kind), get_args(Outcome)


class EntryBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="ent_…, by its position in the chain")
    actor_kind = serializers.ChoiceField(KINDS, read_only=True)
    outcome = serializers.ChoiceField(OUTCOMES, read_only=True)
    detail = serializers.SerializerMethodField(help_text="what was `before` and is `after`; null where neither is told")
    digest = serializers.SerializerMethodField(help_text="SHA-256 over the entry before and this one, in hexadecimal")

    class Meta:
        model = Entry
        fields = [
            "id", "position", "at", "actor_kind", "actor_id", "actor_name", "role", "address", "request_id", "verb",
            "thing_kind", "thing_id", "outcome", "detail", "digest",
        ]  # fmt: skip

    def get_detail(self, entry: Entry) -> dict[str, Any] | None:
        return json.loads(entry.detail) if entry.detail else None

    def get_digest(self, entry: Entry) -> str:
        return bytes(entry.digest).hex()


_COLUMNS = EntryBody.Meta.fields[1:]


def entry_document(row: Sequence[Any]) -> dict[str, Any]:
    """What EntryBody says of an entry, of its columns."""
    told = dict(zip(_COLUMNS, row, strict=True))
    detail, digest = told["detail"], told["digest"]
    read = json.loads(detail) if detail else None
    return {"id": f"ent_{told['position']}", **told, "detail": read, "digest": bytes(digest).hex()}


class EntryFilter(filters.FilterSet):
    actor = filters.CharFilter(
        field_name="actor_id",
        max_length=40,
        help_text="Entries of what this person or key did, by their id: per_… or key_….",
    )
    actor_kind = filters.ChoiceFilter(
        choices=[(each, each) for each in KINDS],
        help_text="Entries of what a person, a key, a command or a job did, or somebody not known.",
    )
    role = filters.CharFilter(max_length=40, help_text="Entries of who acted in this role, such as owner.")
    request_id = filters.CharFilter(
        max_length=100, help_text="Entries of this request, by the id that its answer had in X-Request-ID."
    )
    verb = filters.CharFilter(
        max_length=40,
        help_text="Entries of this having been done, or tried: a verb such as load, undo, map, read, issue or revoke.",
    )
    thing_kind = filters.CharFilter(
        max_length=40, help_text="Entries of things of this kind, such as upload, claim, payer_mapping, key or member."
    )
    thing = filters.CharFilter(
        field_name="thing_id", max_length=100, help_text="Entries of what was done to this thing, by its id."
    )
    outcome = filters.ChoiceFilter(
        choices=[(each, each) for each in OUTCOMES],
        help_text="Entries of what was done, or of what was refused.",
    )
    since = MomentFilter(field_name="at", lookup_expr="gte", help_text="Entries written at this time or later.")
    until = MomentFilter(field_name="at", lookup_expr="lt", help_text="Entries written before this time.")


class ExportQuery(serializers.Serializer):
    format = serializers.ChoiceField(list(MEDIA_TYPES), default="jsonl", source="form", help_text="JSON Lines or CSV.")
    since = Moment(default=None, help_text="Entries written at this time or later; without it from the first one.")
    until = Moment(default=None, help_text="Entries written before this time; without it up to the last one.")


class AuditEntries(Numbered, Listed, Shown, Resource):
    thing, prefix, numbered_by = "entry", "ent", "position"
    may: ClassVar = dict.fromkeys(("list", "retrieve", "export"), Permission.READ_AUDIT)
    verbs: ClassVar = {"export": "export"}
    asks: ClassVar = {"export": ExportQuery}
    gives: ClassVar = {
        "export": Gives(media=tuple(each.partition(";")[0] for each in MEDIA_TYPES.values()), streamed=True)
    }
    reading_is_recorded = True
    plain_filters = frozenset(
        {"verb", "actor", "actor_kind", "role", "request_id", "thing_kind", "thing", "outcome", "since", "until"}
    )
    queryset = Entry.objects.all()
    columns = _COLUMNS
    document = staticmethod(entry_document)
    order = ("-position",)
    serializer_class = EntryBody
    filterset_class = EntryFilter

    def export(self, request: Request) -> StreamingHttpResponse:
        """The trail as a file, with what a verifier needs; recorded before the first line leaves."""
        asked = self.query()
        assert self.caller.customer is not None
        started = begin_export(self.caller.customer, actor=self.caller.actor, **asked)
        name = f"audit-{self.caller.customer.public_id}-{started.first}-{started.last}.{started.form}"
        return StreamingHttpResponse(
            started.lines(),
            content_type=MEDIA_TYPES[started.form],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
