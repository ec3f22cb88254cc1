"""`payerwatch load FILE --customer NAME`"""

import json
import shlex
from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.audit.actors import command_actor
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, program
from payerwatch.operations.progress import shown_progress
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = (
        "Load a claims file (CSV, TSV or other delimited text). All or nothing: rows that cannot be loaded are set "
        "aside with a reason and a fix, and the same file twice changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--mapping",
            type=mapping,
            metavar="JSON",
            help='which column holds what, such as {"payer": "Ins Co", "decided_date": null}; the rest is guessed',
        )
        parser.add_argument("--date-order", choices=["mdy", "dmy", "ymd"], help="how dates like 03/04/2026 are read")
        parser.add_argument("--dry-run", action="store_true", help="do everything, then store nothing")
        parser.add_argument("--set-aside", type=Path, metavar="FILE", help="write the rows set aside here, as CSV")

    def answer(self, **options: Any) -> Answer:
        customer = customer_named(options["customer"])
        order = pipeline.LoadOrder(
            path=options["file"],
            mapping=options["mapping"],
            date_order=options["date_order"],
            dry_run=options["dry_run"],
            set_aside=options["set_aside"],
        )
        with shown_progress() as progress:
            result = pipeline.load(customer, order, actor=command_actor(), progress=progress, today=date.today())
        document = _document(result, dry_run=order.dry_run)
        return Answer(document, _text(result, order, customer.name), warnings=_warnings(document, customer.name))


def mapping(text: str) -> dict[str, str | None]:
    """The argument of --mapping. Raises ArgumentTypeError, which is a usage error."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ArgumentTypeError(f"this is not JSON ({error.msg} at character {error.pos + 1})") from None
    if not isinstance(value, dict) or not all(column is None or isinstance(column, str) for column in value.values()):
        raise ArgumentTypeError('write an object of field and column, such as {"payer": "Ins Co"}')
    return value


def _document(result: pipeline.LoadResult, *, dry_run: bool) -> dict[str, Any]:
    upload = result.upload
    stored = not result.already_loaded
    claims = upload.new_claims + upload.updated_claims + upload.unchanged_claims
    return {
        "upload": None if dry_run and stored else upload.public_id,
        "already_loaded": result.already_loaded,
        "dry_run": dry_run,
        "rows": upload.rows,
        "accepted": upload.accepted,
        "set_aside": upload.set_aside,
        "reasons": upload.reasons,
        "new_claims": upload.new_claims if stored else 0,
        "updated_claims": upload.updated_claims if stored else 0,
        "unchanged_claims": upload.unchanged_claims if stored else claims,
        "mapping": upload.mapping,
        "confidence": {field: round(value, 2) for field, value in result.file.confidence.items()},
        "dropped_columns": upload.dropped_columns,
        "date_order": upload.date_order or None,
        "encoding": result.file.encoding,
        "delimiter": result.file.delimiter,
        "first_date": upload.first_date,
        "last_date": upload.last_date,
        "payer_suggestions": [
            {"raw": item.raw_name, "payer": item.payer, "score": item.score}
            for item in (result.loaded.suggestions if result.loaded else [])
        ],
        "notes": _notes(result),
    }


def _notes(result: pipeline.LoadResult) -> list[str]:
    notes = [*result.file.notes, *_notes_on_claims(result)]
    if result.file.is_numbered and result.loaded is not None and not result.loaded.numbered:
        notes.append(
            "Rows without a claim number are told apart by their content and place, so a corrected row cannot be "
            "matched to the one it corrects: it counts as another claim. Include the claim number in the export."
        )
    return notes


def _notes_on_claims(result: pipeline.LoadResult) -> list[str]:
    """What became of the rows that one might not expect."""
    if result.loaded is None:
        return []
    upload, notes = result.upload, []
    claims = upload.new_claims + upload.updated_claims + upload.unchanged_claims
    if claims < upload.accepted:
        notes.append(
            f"{upload.accepted:,} rows are {claims:,} claims: rows with the same claim number and submitted date are "
            "service lines of one claim, and of the same line the last row counts."
        )
    if not result.loaded.pending:
        notes.append(
            "No row is pending. If the export leaves pending claims out, include them: without them days to decision "
            "cannot be judged."
        )
    return notes


def _text(result: pipeline.LoadResult, order: pipeline.LoadOrder, customer: str) -> str:
    upload = result.upload
    if result.already_loaded:
        return (
            f"This very file is loaded already, as [bold]{upload.public_id}[/bold] on {upload.loaded_at:%Y-%m-%d}: "
            "nothing was changed. To load it another way, undo that upload first."
            + (
                f"\nIts rows set aside are in {escape(str(order.set_aside))}."
                if order.set_aside and upload.set_aside
                else ""
            )
        )
    head = "Dry run, nothing was stored:" if order.dry_run else f"Loaded as [bold]{upload.public_id}[/bold]:"
    lines = [
        f"{head} {upload.rows:,} rows, {upload.accepted:,} accepted, {upload.set_aside:,} set aside.",
        f"Claims: {upload.new_claims:,} new, {upload.updated_claims:,} updated, {upload.unchanged_claims:,} unchanged; "
        f"{upload.first_date} to {upload.last_date}.",
        "",
        *_mapping_lines(result),
        *(f"  set aside: {count:>8,}  {code}" for code, count in upload.reasons.items()),
    ]
    if upload.set_aside and order.set_aside is not None:
        lines.append(f"The rows set aside are in {escape(str(order.set_aside))}, each with its reason and fix.")
    elif upload.set_aside:
        lines.append("Add --set-aside FILE to get those rows back as CSV, each with its reason and fix.")
    if not order.dry_run:
        lines.append(f"Next: {escape(program())} detect --customer {escape(shlex.quote(customer))}")
    return "\n".join(lines)


def _mapping_lines(result: pipeline.LoadResult) -> list[str]:
    lines = []
    for name, column in result.upload.mapping.items():
        confidence = result.file.confidence.get(name)
        sure = "" if confidence is None else f"{confidence:>5.0%}"
        lines.append(f"  {name:<15} <- {escape(column or '(none)'):<28} {sure}")
    if result.upload.dropped_columns:
        dropped = ", ".join(escape(column) for column in result.upload.dropped_columns)
        lines.append(f"  dropped as patient data, never stored: {dropped}")
    return [*lines, ""]


def _warnings(document: dict[str, Any], customer: str) -> list[str]:
    suggestions = [
        f"{item['raw']} is probably {item['payer']}. If so: payerwatch map_payer "
        + shlex.join([item["raw"], item["payer"], "--customer", customer])
        for item in document["payer_suggestions"]
    ]
    return [escape(note) for note in [*document["notes"], *suggestions]]
