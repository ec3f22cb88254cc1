from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.AddField(
            "Customer",
            "time_zone",
            models.CharField(
                db_default="UTC",
                default="UTC",
                help_text="in which its nights are counted, by its IANA name",
                max_length=64,
            ),
        ),
        migrations.AddField(
            "Customer",
            "judged_night",
            models.DateField(editable=False, help_text="the last night in which its claims were judged", null=True),
        ),
    ]
