"""`payerwatch backup --to DIR [--keep N]`"""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.backups.making import make_backup
from payerwatch.config.backup_keys import new_backup_key
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.progress import shown_progress


class Command(PayerwatchCommand):
    help = (
        "Write a backup of everything into a new sealed file: the database at one moment, and the signed checkpoints "
        "of the record. No key is in it. The file is read again before it gets its name."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--keep", type=_some, metavar="N", help="remove all but the newest N in the directory")
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--to", type=Path, metavar="DIR", help="the directory for backups, best of another machine")
        chosen.add_argument("--new-key", action="store_true", help="print a key for backups and change nothing")

    def answer(self, **options: Any) -> Answer:
        if options["new_key"]:
            key = new_backup_key()
            return Answer({"key": key}, f"PAYERWATCH_BACKUP_KEY={key}", ["Keep it apart from the backups, twice."])
        with shown_progress() as progress:
            made = make_backup(options["to"].absolute(), keep=options["keep"], actor=command_actor(), progress=progress)
        manifest = made.whole.manifest
        document = {
            "file": str(made.path),
            "made_at": manifest.made_at,
            "bytes": made.whole.size_bytes,
            "sha256": made.whole.digest,
            "rows": manifest.total_rows,
            "tables": manifest.contents.rows,
            "removed": [str(path) for path in made.removed],
            "not_removed": [{"file": str(path), "why": why} for path, why in made.not_removed],
        }
        older = "1 older one" if len(made.removed) == 1 else f"{len(made.removed)} older ones"
        removed = f" Removed {older}." if made.removed else ""
        text = f"Backed up {manifest.total_rows:,} rows to {made.path} ({made.whole.size_bytes:,} bytes).{removed}"
        left = [f"{path} was to be removed and is still there: {why}." for path, why in made.not_removed]
        return Answer(document, escape(text), [escape(each) for each in left])


def _some(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) < 100_000):
        raise argparse.ArgumentTypeError("write how many, from 1 on")
    return int(text)
