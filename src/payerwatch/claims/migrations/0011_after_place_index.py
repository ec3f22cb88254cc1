from django.db import migrations

from payerwatch.schema_changes.operations import RemoveIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("claims", "0010_before_claims_by_cpt_group")]

    operations = [RemoveIndexConcurrently("Claim", "claims_claim_submitted")]
