"""Reads of the record that others need."""

import json

from django.db.models import QuerySet

from payerwatch.audit.models import InstallationEntry


def keys_made_later() -> QuerySet[InstallationEntry]:
    """The entries of keys for checkpoints that were made when there were entries already, oldest first."""
    return InstallationEntry.objects.filter(verb="make_key", thing_kind="checkpoint_key").order_by("position")


def migrations_on_record() -> set[str]:
    """The migrations, `app.name`, whose latest entry says that they are applied."""
    applied: dict[str, bool] = {}
    told = InstallationEntry.objects.filter(verb="migrate", thing_kind="migration").order_by("position")
    for name, detail in told.values_list("thing_id", "detail"):
        applied[name] = json.loads(detail)["after"]["applied"]
    return {name for name, is_applied in applied.items() if is_applied}
