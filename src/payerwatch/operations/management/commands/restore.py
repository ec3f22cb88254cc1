"""`payerwatch restore FILE [--checkpoints-to DIR]`"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.backups.restoring import restore_backup
from payerwatch.operations.backup_wording import lasting, restored_document
from payerwatch.operations.command import Answer, PayerwatchCommand, program
from payerwatch.operations.progress import shown_progress


class Command(PayerwatchCommand):
    help = (
        "Restore a backup into the database that the settings name, which must be empty, and verify it. All of the "
        "file is read first: where it is not as it was written, nothing is touched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="as backup wrote it")
        parser.add_argument(
            "--checkpoints-to",
            type=Path,
            metavar="DIR",
            help="keep the checkpoints in the backup apart, in this empty directory: their key is not the one in place",
        )

    def answer(self, **options: Any) -> Answer:
        with shown_progress() as progress:
            restored = restore_backup(
                options["file"],
                actor=command_actor(),
                progress=progress,
                checkpoints_to=options["checkpoints_to"],
            )
        manifest = restored.whole.manifest
        document = restored_document(restored, timezone.now()) | {"checkpoint_files": restored.checkpoints_put_back}
        text = (
            f"Restored and verified {manifest.total_rows:,} rows as of {manifest.made_at:%Y-%m-%d %H:%M} UTC "
            f"in {lasting(document['rto_seconds'])}. Next: {program()} migrate, then {program()} check --deploy"
        )
        apart = [_apart(options["checkpoints_to"])] if options["checkpoints_to"] else []
        return Answer(document, escape(text), apart)


def _apart(directory: Path) -> str:
    return escape(
        f"The checkpoints in the backup are in {directory}, with the public half of their key: keep them. "
        f"verify_audit --checkpoints and --public-key verify with those what is in the backup; by the key in place "
        f"each chain is unvouched until its next entry."
    )
