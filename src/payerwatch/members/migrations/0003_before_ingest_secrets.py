import django.db.models.deletion
import payerwatch.tenancy.context
from django.db import migrations, models

from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0002_kept_answers'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='IngestSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.CharField(help_text='sealed', max_length=300)),
                ('made_at', models.DateTimeField(auto_now_add=True)),
                ('ends_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(condition=models.Q(('ends_at', None)), fields=('customer',), name='members_ingestsecret_present')],
            },
        ),
        ProtectRows('IngestSecret'),
    ]
