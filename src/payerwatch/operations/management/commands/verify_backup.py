"""`payerwatch verify_backup FILE`"""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.markup import escape

from payerwatch.backups.checkpoint_files import another_key
from payerwatch.backups.restoring import try_backup
from payerwatch.health.backups import note_backup
from payerwatch.operations.backup_wording import lasting, restored_document
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.progress import shown_progress


class Command(PayerwatchCommand):
    help = (
        "Restore a backup into a database that is made for it and dropped again, and verify it there: rows by table, "
        "the record with its checkpoints, constraints, keys, row policies. Says how long a restore takes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE", help="as backup wrote it")

    def answer(self, **options: Any) -> Answer:
        with shown_progress() as progress:
            tried = try_backup(options["file"], progress)
        whole = tried.whole
        note_backup(whole.manifest.made_at, whole.size_bytes, whole.digest)
        another = another_key(whole.public_key)
        document = restored_document(tried, timezone.now()) | {"checkpoint_key_differs": another is not None}
        text = (
            f"The backup stands: {whole.manifest.total_rows:,} rows in {len(whole.manifest.contents.rows)} tables, "
            f"{document['entries']:,} entries of the record.\n"
            f"Restoring it now would lose what was done in the last {lasting(document['rpo_seconds'])} (RPO), "
            f"and take {lasting(document['rto_seconds'])} (RTO, measured)."
        )
        return Answer(document, escape(text), [escape(str(another))] if another else [])
