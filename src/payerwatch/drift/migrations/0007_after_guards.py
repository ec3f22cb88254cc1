"""What waits and what is open, told as the release before did not tell it; then one of each alone."""

from django.db import migrations, models

# The release before leaves the columns as they are: null in what it made, and in what it began or closed as they were.
# Of several runs that wait for one day it is the first that is given to who asks.
FILL = (
    """
    UPDATE drift_driftrun SET waiting_for = CASE WHEN state = 'requested' AND NOT EXISTS (
        SELECT 1 FROM drift_driftrun AS earlier WHERE earlier.customer_id = drift_driftrun.customer_id
        AND earlier.state = 'requested' AND earlier.id < drift_driftrun.id
        AND coalesce(CAST(earlier.as_of AS varchar(10)), 'latest') =
            coalesce(CAST(drift_driftrun.as_of AS varchar(10)), 'latest')
    ) THEN coalesce(CAST(as_of AS varchar(10)), 'latest') END
    WHERE state = 'requested' OR waiting_for IS NOT NULL
    """,
    """
    UPDATE drift_driftevent SET is_open = CASE WHEN status = 'open' THEN true END
    WHERE (status = 'open') <> (is_open IS NOT NULL)
    """,
)


def fill(apps, schema_editor):
    for statement in FILL:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('drift', '0006_before_guards'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='driftrun',
            constraint=models.UniqueConstraint(fields=('customer', 'waiting_for'), name='drift_driftrun_waiting_unique'),
        ),
        migrations.AddConstraint(
            model_name='driftevent',
            constraint=models.UniqueConstraint(fields=('customer', 'measure', 'payer', 'cpt_group', 'direction', 'is_open'), name='drift_driftevent_open_unique'),
        ),
    ]
