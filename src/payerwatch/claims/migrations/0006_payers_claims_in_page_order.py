from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0005_uploads_in_order_of_arrival'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='claim',
            name='claims_claim_payer',
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'payer', 'submitted_date', 'id'], name='claims_claim_payer'),
        ),
    ]
