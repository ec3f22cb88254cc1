"""Which migrations may be applied while the release before still runs: all but those named `after_…`."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from payerwatch.schema_changes.refusals import ChangeRefused

Name = tuple[str, str]
"""The app's label, and the migration's name."""


class ReleaseSkipped(ChangeRefused):
    """What is to be applied rests on something that the release before was to have applied when it was there alone."""

    def __init__(self, migration: Name, rests_on: Name) -> None:
        super().__init__(
            f"{'.'.join(migration)} rests on {'.'.join(rests_on)}, which an earlier release left for later. "
            f"Run `payerwatch migrate` of that release first, when no older one runs any more."
        )


class Pending(NamedTuple):
    targets: list[Name]
    """The last of each app that is to be applied now."""
    left: list[Name]


def is_for_after(migration: Name) -> bool:
    return re.match(r"\d+_after_", migration[1]) is not None


def pending_before_release(connection: BaseDatabaseWrapper) -> Pending:
    """What is not applied yet. Where nothing is, no release runs, and nothing is left. Raises ReleaseSkipped."""
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    plan = [(each.app_label, each.name) for each, _ in executor.migration_plan(graph.leaf_nodes())]
    if not executor.loader.applied_migrations:
        return Pending(_last_of_each(plan), [])
    left: list[Name] = []
    for migration in plan:
        blocked_by = next((parent.key for parent in graph.node_map[migration].parents if parent.key in left), None)
        if blocked_by is not None and not is_for_after(migration):
            raise ReleaseSkipped(migration, blocked_by)
        if is_for_after(migration):
            left.append(migration)
    return Pending(_last_of_each([each for each in plan if each not in left]), left)


def _last_of_each(plan: list[Name]) -> list[Name]:
    return list(dict(plan).items())
