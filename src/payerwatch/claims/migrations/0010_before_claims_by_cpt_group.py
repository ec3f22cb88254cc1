from django.db import migrations, models

from payerwatch.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("claims", "0009_before_unique_place")]

    operations = [
        AddIndexConcurrently(
            "Claim",
            models.Index(fields=["customer", "cpt_group", "submitted_date", "id"], name="claims_claim_group"),
        ),
    ]
