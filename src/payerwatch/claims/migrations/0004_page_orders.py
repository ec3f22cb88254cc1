import payerwatch.tenancy.absent_values
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0003_uploads_over_http'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'submitted_date', 'id'], name='claims_claim_submitted'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(models.F('customer'), payerwatch.tenancy.absent_values.AbsentLowest('billed_amount'), models.F('id'), name='claims_claim_billed'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'cpt', 'submitted_date', 'id'], name='claims_claim_cpt'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('denial_code__isnull', False)), fields=['customer', 'denial_code', 'submitted_date', 'id'], name='claims_claim_denial'),
        ),
    ]
