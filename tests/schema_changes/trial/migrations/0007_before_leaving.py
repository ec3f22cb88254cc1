from django.db import migrations

from payerwatch.schema_changes.operations import DropConstraint, LeaveColumn, RemoveIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0006_after_filling")]

    operations = [
        LeaveColumn("Claim", "grade"),
        DropConstraint("Claim", "trial_claim_unique"),
        DropConstraint("Claim", "trial_claim_check"),
        RemoveIndexConcurrently("Claim", "trial_claim_index"),
    ]
