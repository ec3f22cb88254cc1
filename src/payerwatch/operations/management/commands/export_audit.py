"""`payerwatch export_audit --customer NAME|--installation --out FILE [--format jsonl|csv] [--from DATE] [--to DATE]`"""

import os
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.audit.exports import Export, begin_export
from payerwatch.operations.command import Answer, PayerwatchCommand, day
from payerwatch.refusals import Refusal
from payerwatch.tenancy.queries import customer_named


class ExportNotWritable(Refusal):
    """The file for the export cannot be written there, or is there already."""


class Command(PayerwatchCommand):
    help = "Write the record of what was done for a customer, or in the installation, to a file, with its proof."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--customer", metavar="NAME", help="the customer, as added")
        whose.add_argument("--installation", action="store_true", help="what belongs to no customer")
        parser.add_argument("--format", choices=["jsonl", "csv"], default="jsonl", help="default jsonl")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
        parser.add_argument("--from", type=day, dest="since", metavar="YYYY-MM-DD", help="the first day (UTC)")
        parser.add_argument("--to", type=day, dest="until", metavar="YYYY-MM-DD", help="the last day, included (UTC)")

    def answer(self, **options: Any) -> Answer:
        customer = None if options["installation"] else customer_named(options["customer"])
        path = options["out"]
        since, until = options["since"], options["until"]
        ended = None if until is None else _midnight(until + timedelta(days=1))
        _refuse_unwritable(path)
        export = begin_export(
            customer,
            actor=command_actor(),
            form=options["format"],
            since=None if since is None else _midnight(since),
            until=ended,
        )
        _write(export, path)
        count = max(0, export.last - export.first + 1)
        document = {"file": str(path), "entries": count, "first": export.first, "last": export.last}
        return Answer(document, f"Wrote {count:,} entries and the proof to {escape(str(path))}.")


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time.min, tzinfo=UTC)


def _refuse_unwritable(path: Path) -> None:
    """Before the export is recorded; a file that is there is never overwritten, and a new one its owner's alone."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from None


def _write(export: Export, path: Path) -> None:
    """Raises ExportNotWritable."""
    try:
        with path.open("w", encoding="utf-8", newline="") as target:
            target.writelines(export.lines())
    except OSError as error:
        raise _refusal(path, error) from None


def _refusal(path: Path, error: OSError | ValueError) -> ExportNotWritable:
    why = getattr(error, "strerror", None) or "the path is not one"
    return ExportNotWritable(
        f"{path} cannot be written: {why}", where="--out", fix="Name a new file on a disk with room."
    )
