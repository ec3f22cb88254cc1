"""`payerwatch undo UPLOAD --customer NAME`"""

from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.audit.actors import command_actor
from payerwatch.claims.models import Upload
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = (
        "Take back what an upload did: claims it brought go, claims it changed are as before. "
        "Refused where a later upload changed the same claims. The file can then be loaded again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("upload", metavar="UPLOAD", help="the upload's id, upl_…, as load printed it")

    def answer(self, **options: Any) -> Answer:
        undone = pipeline.undo(customer_named(options["customer"]), options["upload"], actor=command_actor())
        upload, repeated_by = undone.upload, undone.repeated_by
        document = {
            "upload": upload.public_id,
            "removed_claims": upload.new_claims,
            "restored_claims": upload.updated_claims,
            "events_set_back": undone.events_set_back,
            "repeated_by": [later.public_id for later in repeated_by],
        }
        text = (
            f"Took back {upload.public_id} ({escape(upload.filename)}): {upload.new_claims:,} claims removed, "
            f"{upload.updated_claims:,} restored."
        )
        return Answer(document, text, warnings=[*_set_back(undone.events_set_back), *_warnings(repeated_by)])


def _set_back(events: int) -> list[str]:
    if not events:
        return []
    return [f"{events} drift events spoke of weeks that are no longer loaded; they are as before those weeks."]


def _warnings(repeated_by: list[Upload]) -> list[str]:
    if not repeated_by:
        return []
    files = ", ".join(f"{later.filename} ({later.public_id})" for later in repeated_by)
    return [
        escape(
            f"Claims that later files repeated unchanged may have gone with it. Load those again to be sure: {files}."
        )
    ]
