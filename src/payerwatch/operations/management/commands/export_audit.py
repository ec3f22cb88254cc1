"""`payerwatch export_audit --customer NAME --format jsonl|csv --out FILE [--from DATE] [--to DATE]`"""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.audit.exports import Export, begin_export
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, day
from payerwatch.refusals import Refusal
from payerwatch.tenancy.queries import customer_named


class ExportNotWritable(Refusal):
    """The file for the export cannot be written there, or is there already."""


class Command(PayerwatchCommand):
    help = "Write the record of what was done for a customer to a file, with the proof that it is whole."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--format", choices=["jsonl", "csv"], default="jsonl", help="default jsonl")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file")
        parser.add_argument("--from", type=day, dest="since", metavar="YYYY-MM-DD", help="the first day (UTC)")
        parser.add_argument("--to", type=day, dest="until", metavar="YYYY-MM-DD", help="the last day, included (UTC)")

    def answer(self, **options: Any) -> Answer:
        customer, path = customer_named(options["customer"]), options["out"]
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
        files = _write(export, path)
        count = max(0, export.last - export.first + 1)
        document = {
            "files": [str(file) for file in files],
            "entries": count,
            "first": export.first,
            "last": export.last,
        }
        return Answer(
            document, f"Wrote {count:,} entries to {' and the proof to '.join(escape(str(f)) for f in files)}."
        )


def _midnight(on: date) -> datetime:
    return datetime.combine(on, time.min, tzinfo=UTC)


def _refuse_unwritable(path: Path) -> None:
    """Before the export is recorded; a file that is there is never overwritten."""
    try:
        path.open("x").close()
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from None


def _write(export: Export, path: Path) -> list[Path]:
    """The export and, for CSV, the proof beside it. Raises ExportNotWritable."""
    proof = path.with_name(f"{path.name}.proof.json")
    try:
        with path.open("w", encoding="utf-8", newline="") as target:
            target.writelines(export.lines())
        if export.form == "csv":
            proof.write_text(json.dumps(export.proof(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise _refusal(path, error) from None
    return [path, proof] if export.form == "csv" else [path]


def _refusal(path: Path, error: OSError | ValueError) -> ExportNotWritable:
    why = getattr(error, "strerror", None) or "the path is not one"
    return ExportNotWritable(
        f"{path} cannot be written: {why}", where="--out", fix="Name a new file on a disk with room."
    )
