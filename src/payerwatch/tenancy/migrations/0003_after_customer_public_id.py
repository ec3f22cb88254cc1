from django.db import migrations, models

import payerwatch.tenancy.models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0002_before_customer_public_id")]

    operations = [
        migrations.AlterField(
            "Customer",
            "public_id",
            models.CharField(
                default=payerwatch.tenancy.models.new_customer_id, editable=False, max_length=24, unique=True
            ),
        ),
    ]
