from django.db import migrations, models

from payerwatch.schema_changes.operations import AddColumn


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tenancy", "0004_nights")]

    operations = [
        AddColumn(
            "Customer",
            "claims_kept_days",
            models.IntegerField(editable=False, help_text="after which claims are forgotten; null: never", null=True),
        ),
        AddColumn(
            "Customer",
            "messages_kept_days",
            models.IntegerField(
                editable=False, help_text="after which messages that are settled are forgotten; null: never", null=True
            ),
        ),
    ]
