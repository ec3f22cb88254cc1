from django.db import migrations, models

from payerwatch.schema_changes.operations import AddCheck


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0004_before_unique")]

    operations = [
        AddCheck(
            "Claim", models.CheckConstraint(condition=models.Q(billed_amount__gte=-(10**15)), name="trial_claim_check")
        )
    ]
