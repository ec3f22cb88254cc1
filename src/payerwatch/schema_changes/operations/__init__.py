"""The operations to write a migration with, where the table may have rows and users.

    class Migration(migrations.Migration):
        atomic = False

        operations = [
            AddColumn("DriftRun", "waiting_for", models.CharField(max_length=10, null=True)),
            UniqueInThreePhases("DriftRun", models.UniqueConstraint(fields=[...], name="...")),
        ]

`before_…` migrations are applied while the release before still runs, and must let it; `after_…` ones when it is gone.
"""

from payerwatch.schema_changes.operation import CannotBeDoneBeside
from payerwatch.schema_changes.operations.columns import AddColumn, DropColumn, LeaveColumn, SetNotNull
from payerwatch.schema_changes.operations.constraints import (
    AddCheck,
    AttachUnique,
    BuildUniqueIndex,
    DropConstraint,
    UniqueInThreePhases,
)
from payerwatch.schema_changes.operations.indexes import (
    AddIndexConcurrently,
    IndexConcurrently,
    RemoveIndexConcurrently,
)
from payerwatch.schema_changes.operations.rows import Backfill

__all__ = [
    "AddCheck",
    "AddColumn",
    "AddIndexConcurrently",
    "AttachUnique",
    "Backfill",
    "BuildUniqueIndex",
    "CannotBeDoneBeside",
    "DropColumn",
    "DropConstraint",
    "IndexConcurrently",
    "LeaveColumn",
    "RemoveIndexConcurrently",
    "SetNotNull",
    "UniqueInThreePhases",
]
