"""What waits and what is open, told as the release before did not tell it; then one of each alone.

The release before left the columns as they were: null in what it made, and in what it began or closed as they had been.
Of several runs that wait for one day it is the first that is given to who asks.
"""

from django.db import migrations, models

from payerwatch.schema_changes.operations import Backfill, UniqueInThreePhases

FIRST_THAT_WAIT = "SELECT min(id) FROM drift_driftrun WHERE state = 'requested' GROUP BY customer_id, as_of"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("drift", "0006_before_guards")]

    operations = [
        Backfill(
            "DriftRun",
            "drift: what waits",
            {"waiting_for": "coalesce(CAST(as_of AS varchar(10)), 'latest')"},
            f"state = 'requested' AND waiting_for IS NULL AND id IN ({FIRST_THAT_WAIT})",
        ),
        Backfill(
            "DriftRun",
            "drift: what waits no more",
            {"waiting_for": "NULL"},
            "state <> 'requested' AND waiting_for IS NOT NULL",
        ),
        Backfill("DriftEvent", "drift: what is open", {"is_open": "true"}, "status = 'open' AND is_open IS NULL"),
        Backfill(
            "DriftEvent", "drift: what is open no more", {"is_open": "NULL"}, "status <> 'open' AND is_open IS NOT NULL"
        ),
        UniqueInThreePhases(
            "DriftRun",
            models.UniqueConstraint(fields=("customer", "waiting_for"), name="drift_driftrun_waiting_unique"),
        ),
        UniqueInThreePhases(
            "DriftEvent",
            models.UniqueConstraint(
                fields=("customer", "measure", "payer", "cpt_group", "direction", "is_open"),
                name="drift_driftevent_open_unique",
            ),
        ),
    ]
