from django.db import migrations, models

from payerwatch.schema_changes.operations import UniqueInThreePhases


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0003_before_index")]

    operations = [
        UniqueInThreePhases(
            "Claim",
            models.UniqueConstraint(fields=["customer", "cpt", "submitted_date", "id"], name="trial_claim_unique"),
        )
    ]
