from django.db import migrations, models

from payerwatch.schema_changes.operations import Backfill, SetNotNull


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0005_before_check")]

    operations = [
        Backfill("Claim", "trial: place", {"place": "id * 2"}, "place IS NULL AND id % 50 = 0"),
        SetNotNull("Claim", "grade", models.SmallIntegerField(db_default=0)),
    ]
