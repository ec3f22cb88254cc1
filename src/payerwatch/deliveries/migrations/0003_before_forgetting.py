from django.db import migrations

from payerwatch.tenancy.rows import GrantRows


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0002_before_traces")]

    operations = [
        GrantRows("Attempt", ("SELECT", "INSERT", "DELETE"), before=("SELECT", "INSERT")),
    ]
