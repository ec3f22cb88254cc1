"""What is remembered of backups, so that everybody can see when the last one was made."""

from django.db import models


class Backup(models.Model):
    """One that was made and stood up to being read again. It holds all customers, and so belongs to none."""

    made_at = models.DateTimeField(help_text="of what it holds: nothing later is in it")
    size_bytes = models.BigIntegerField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file, in hexadecimal")

    class Meta:
        indexes = [models.Index(fields=["-made_at"], name="health_backup_newest")]

    def __str__(self) -> str:
        return f"backup of {self.made_at:%Y-%m-%d %H:%M}"
