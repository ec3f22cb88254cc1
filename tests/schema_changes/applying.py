"""Single operations on the tables of claims, as a migration makes them that comes after all there are."""

from __future__ import annotations

from itertools import pairwise

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tests.tenancy.editing import editing


def apply(*operations: Operation, atomic: bool = False) -> None:
    """One after the other; the role must be the tables' owner."""
    for operation, (before, after) in zip(operations, _states(operations), strict=True):
        with editing(atomic=atomic) as editor:
            operation.database_forwards("claims", editor, before, after)


def take_back(*operations: Operation) -> None:
    """Those that were applied, the last first."""
    for operation, (before, after) in reversed(list(zip(operations, _states(operations), strict=True))):
        with editing(atomic=False) as editor:
            operation.database_backwards("claims", editor, after, before)


def _states(operations: tuple[Operation, ...]) -> list[tuple[ProjectState, ProjectState]]:
    states = [MigrationLoader(connection).project_state()]
    for operation in operations:
        after = states[-1].clone()
        operation.state_forwards("claims", after)
        states.append(after)
    return list(pairwise(states))
