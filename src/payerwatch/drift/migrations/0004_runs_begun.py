"""A run that nobody waits for was asked for when it began, not when it was kept. Of the table nothing changes."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("drift", "0003_runs_asked_for")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="driftrun",
                    name="created_at",
                    field=models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, help_text="when it was asked for, or begun"
                    ),
                ),
            ]
        ),
    ]
