"""Which constraint refused a row: one that is expected is an answer, any other is a fault and goes on up.

try:
    with transaction.atomic():  # a savepoint, where a transaction is open
        run.save()
except IntegrityError as error:
    if not violates(error, "drift_driftrun_week_data_unique"):
        raise
"""

from functools import cache

from django.apps import apps
from django.db import IntegrityError
from django.db.models import Model, UniqueConstraint


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether it was the unique constraint of this name. A field that is unique by itself has TABLE_COLUMN_key.

    PostgreSQL names it. SQLite names the columns, of which the models say whose they are.
    """
    told = getattr(error.__cause__, "diag", None)
    if told is not None:
        return bool(told.constraint_name == constraint)
    return str(error) == f"UNIQUE constraint failed: {_columns().get(constraint)}"


@cache
def _columns() -> dict[str, str]:
    """Of each unique constraint, as SQLite tells them."""
    return {name: columns for model in apps.get_models() for name, columns in _columns_of(model)}


def _columns_of(model: type[Model]) -> list[tuple[str, str]]:
    table, own = model._meta.db_table, [field for field in model._meta.local_fields if field.unique]
    found = [(f"{table}_{field.column}_key", f"{table}.{field.column}") for field in own]
    for each in model._meta.constraints:
        if isinstance(each, UniqueConstraint):
            columns = [model._meta.get_field(name).column for name in each.fields]  # type: ignore[union-attr]
            found.append((each.name, ", ".join(f"{table}.{column}" for column in columns)))
    return found
