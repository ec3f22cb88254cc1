from django.db import migrations

from payerwatch.claims.models import Claim


class Migration(migrations.Migration):
    initial = True

    dependencies = [("claims", "0011_after_place_index")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "Claim",
                    fields=[(field.name, field.clone()) for field in Claim._meta.local_fields],
                    options={
                        "db_table": "claims_claim",
                        "base_manager_name": "objects",
                        "indexes": list(Claim._meta.indexes),
                        "constraints": list(Claim._meta.constraints),
                    },
                )
            ]
        )
    ]
