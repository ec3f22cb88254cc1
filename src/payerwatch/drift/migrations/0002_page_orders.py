import payerwatch.tenancy.absent_values
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('drift', '0001_initial'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='driftevent',
            index=models.Index(fields=['customer', 'as_of_week', 'id'], name='drift_driftevent_as_of_week'),
        ),
        migrations.AddIndex(
            model_name='driftevent',
            index=models.Index(fields=['customer', 'first_week', 'id'], name='drift_driftevent_first_week'),
        ),
        migrations.AddIndex(
            model_name='driftevent',
            index=models.Index(models.F('customer'), payerwatch.tenancy.absent_values.AbsentLowest('amount_at_risk'), models.F('id'), name='drift_driftevent_amount'),
        ),
    ]
