import django.db.models.deletion
import payerwatch.tenancy.context
from django.db import migrations, models

from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0001_initial'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='source',
            field=models.CharField(choices=[('file', 'File'), ('ingest', 'Ingest')], db_default='file', default='file', help_text='how it came', max_length=6),
        ),
        migrations.AddField(
            model_name='upload',
            name='form',
            field=models.CharField(choices=[('csv', 'Csv'), ('ndjson', 'Ndjson')], db_default='csv', default='csv', help_text='how its rows are written', max_length=6),
        ),
        migrations.CreateModel(
            name='BatchName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(help_text='of the upload', max_length=24)),
                ('digest', models.CharField(max_length=64)),
                ('content', models.CharField(max_length=64)),
                ('conflicts', models.IntegerField(default=0, help_text='how often the name was sent with something else')),
                ('last_conflict_at', models.DateTimeField(null=True)),
                ('told_at', models.DateTimeField(help_text='when people were last told of one', null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'digest'), name='claims_batchname_digest_unique'), models.UniqueConstraint(fields=('customer', 'public_id'), name='claims_batchname_public_id_unique')],
            },
        ),
        ProtectRows('BatchName'),
    ]
