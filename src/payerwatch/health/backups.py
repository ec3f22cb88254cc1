"""When the last backup was made."""

from datetime import datetime

from django.db import connection

from payerwatch.health.models import Backup


def newest_backup() -> datetime | None:
    return Backup.objects.order_by("-made_at").values_list("made_at", flat=True).first()


def note_backup(made_at: datetime, size_bytes: int, digest: str) -> None:
    """Once, however often it is told; and not where there are no tables, as on a machine that only tries backups."""
    if Backup._meta.db_table in connection.introspection.table_names():
        Backup.objects.get_or_create(digest=digest, defaults={"made_at": made_at, "size_bytes": size_bytes})
