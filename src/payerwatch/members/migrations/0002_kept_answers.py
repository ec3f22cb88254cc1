import django.db.models.deletion
import payerwatch.tenancy.context
from django.db import migrations, models

from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0001_initial'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='KeptAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('payload', models.CharField(max_length=64)),
                ('answer', models.TextField(help_text='sealed')),
                ('kept_at', models.DateTimeField()),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['customer', 'kept_at'], name='members_keptanswer_kept_at')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'digest'), name='members_keptanswer_digest_unique')],
            },
        ),
        ProtectRows('KeptAnswer'),
    ]
