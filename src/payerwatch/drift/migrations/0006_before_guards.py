from django.db import migrations, models

from payerwatch.schema_changes.operations import AddColumn


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("drift", "0005_before_triage")]

    operations = [
        AddColumn(
            "DriftRun",
            "waiting_for",
            models.CharField(
                help_text="of one not begun: the day asked for, or latest; one waits for each", max_length=10, null=True
            ),
        ),
        AddColumn(
            "DriftRun",
            "begun_with",
            models.JSONField(help_text="how many files had been loaded, and taken back, as it began", null=True),
        ),
        AddColumn(
            "DriftEvent",
            "is_open",
            models.BooleanField(help_text="true while it is, else null: of a series one is open at a time", null=True),
        ),
    ]
