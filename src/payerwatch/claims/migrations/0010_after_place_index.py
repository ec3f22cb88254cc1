from django.db import migrations

from payerwatch.schema_changes.operations import RemoveIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("claims", "0009_before_unique_place")]

    operations = [RemoveIndexConcurrently("Claim", "claims_claim_submitted")]
