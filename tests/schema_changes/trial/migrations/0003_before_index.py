from django.db import migrations, models

from payerwatch.schema_changes.operations import AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0002_before_columns")]

    operations = [AddIndexConcurrently("Claim", models.Index(fields=["customer", "place"], name="trial_claim_index"))]
