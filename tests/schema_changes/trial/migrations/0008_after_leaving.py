from django.db import migrations, models

from payerwatch.schema_changes.operations import DropColumn


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0007_before_leaving")]

    operations = [DropColumn("Claim", "grade", models.SmallIntegerField(db_default=0), fill="0")]
