"""Reads of the record that others need."""

import json
from datetime import datetime

from django.db.models import QuerySet

from payerwatch.audit.models import Entry, InstallationEntry


def entries(
    *,
    actor_id: str = "",
    verb: str = "",
    thing_kind: str = "",
    thing_id: str = "",
    outcome: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
) -> QuerySet[Entry]:
    """The customer's entries, newest first; with `before`, those at lower positions: the next page.

    `since` is included, `until` is not.
    """
    wanted = {
        "actor_id": actor_id,
        "verb": verb,
        "thing_kind": thing_kind,
        "thing_id": thing_id,
        "outcome": outcome,
        "at__gte": since,
        "at__lt": until,
        "position__lt": before,
    }
    given = {name: value for name, value in wanted.items() if value not in ("", None)}
    return Entry.objects.filter(**given).order_by("-position")


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
