from django.db import migrations, models
from django.db.models import CASCADE

from payerwatch.schema_changes.operations import AddColumn
from payerwatch.tenancy.models import TenantForeignKey
from payerwatch.tenancy.rows import ProtectKey


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("trial", "0001_claims_as_they_are")]

    operations = [
        AddColumn("Claim", "grade", models.SmallIntegerField(null=True, db_default=0)),
        AddColumn("Claim", "place", models.BigIntegerField(null=True)),
        AddColumn("Claim", "noted_by", models.CharField(max_length=24, db_default="")),
        AddColumn(
            "Claim", "noted_in", TenantForeignKey("claims.Upload", on_delete=CASCADE, null=True, related_name="+")
        ),
        ProtectKey("Claim", "noted_in"),
    ]
