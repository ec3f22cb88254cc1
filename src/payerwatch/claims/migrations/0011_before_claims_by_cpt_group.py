from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("claims", "0008_packed_slices")]

    operations = [
        migrations.AddIndex(
            model_name="claim",
            index=models.Index(fields=["customer", "cpt_group", "submitted_date", "id"], name="claims_claim_group"),
        ),
    ]
