"""A claim's place in the order of pages is its own: what the index beside it did, this does as well."""

from django.db import migrations, models

from payerwatch.schema_changes.operations import UniqueInThreePhases


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("claims", "0008_packed_slices")]

    operations = [
        UniqueInThreePhases(
            "Claim",
            models.UniqueConstraint(fields=("customer", "submitted_date", "id"), name="claims_claim_place_unique"),
        ),
    ]
