"""`payerwatch migrate`: as tenancy's, and each migration that was applied or taken back is on the record."""

from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models.signals import pre_migrate

from payerwatch.audit.actors import command_actor
from payerwatch.audit.append_only import EntriesKept, has_entries
from payerwatch.audit.checkpointing import key_fingerprint, make_checkpoint_key
from payerwatch.audit.queries import migrations_on_record
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.config import env
from payerwatch.tenancy.management.commands import migrate

_NEW_KEY = (
    "A new key for checkpoints was made, though there are entries already: what the old one signed is no longer "
    "believed. If the key was lost, verify with `payerwatch verify_audit --public-key` and a copy of the old one; "
    "if nobody lost it, find out who removed it. This is on the installation's record."
)


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        pre_migrate.connect(_refuse_to_lose_entries)
        super().handle(*args, **options)
        if options["plan"] or options["check_unapplied"]:
            return
        env.keep_secret_key(settings.SECRET_KEY)
        key_is_new = make_checkpoint_key()
        applied = self._applied(options["database"])
        if ("audit", "0001_initial") in applied:
            if key_is_new and has_entries(connections[options["database"]]):
                self._record_key()
            _record({f"{app}.{name}" for app, name in applied})

    def _record_key(self) -> None:
        """Whoever removed the key could so have unmade what its checkpoints vouched for."""
        thing = Thing("checkpoint_key", key_fingerprint())
        record_for_installation("make_key", thing, actor=command_actor())
        self.stderr.write(_NEW_KEY)


def _refuse_to_lose_entries(plan: list[tuple[Any, bool]], using: str, **_signal: Any) -> None:
    """Before the first step: a plan that ends at the record's tables would take others down first."""
    taken_back = any(backwards and migration.app_label == "audit" for migration, backwards in plan)
    if taken_back and has_entries(connections[using]):
        raise EntriesKept


@transaction.atomic
def _record(applied: set[str]) -> None:
    """Bring the record to what is applied now: also what an earlier run was stopped before recording."""
    on_record = migrations_on_record()
    for name in sorted(applied - on_record):
        record_for_installation("migrate", Thing("migration", name), actor=command_actor(), after={"applied": True})
    for name in sorted(on_record - applied):
        record_for_installation("migrate", Thing("migration", name), actor=command_actor(), after={"applied": False})
