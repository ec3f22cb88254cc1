from django.db import migrations, models

import payerwatch.tenancy.models


def name_customers(apps, schema_editor):
    """Give each customer there is a public id."""
    for customer in apps.get_model("tenancy", "Customer").objects.filter(public_id=None):
        customer.public_id = payerwatch.tenancy.models.new_customer_id()
        customer.save(update_fields=["public_id"])


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.AddField(
            "Customer",
            "second_factor_required",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="whether members must sign in with an authenticator",
            ),
        ),
        migrations.AddField("Customer", "public_id", models.CharField(max_length=24, null=True, editable=False)),
        migrations.RunPython(name_customers, migrations.RunPython.noop),
    ]
