import django.db.models.deletion
import django.utils.timezone
import payerwatch.reports.models
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.reports.frozen import FrozenOnceIssued
from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.reports.models.new_report_id, editable=False, max_length=24)),
                ('month', models.DateField(help_text='its first day')),
                ('revision', models.SmallIntegerField(default=1, help_text='more than 1 where it corrects one before')),
                ('state', models.CharField(choices=[('requested', 'Requested'), ('building', 'Building'), ('built', 'Built'), ('refused', 'Refused'), ('issued', 'Issued')], default='requested', max_length=9)),
                ('document', models.TextField(blank=True, help_text='its figures as JSON, amounts in cents; see reports.building')),
                ('data_version', models.CharField(blank=True, help_text='SHA-256 of the run-off cells the figures were made from', max_length=64)),
                ('digest', models.CharField(blank=True, help_text='SHA-256 of the document, once issued', max_length=64)),
                ('refusal', models.JSONField(help_text='why it was refused: code, message, where, fix', null=True)),
                ('requested_at', models.DateTimeField(default=django.utils.timezone.now, help_text='when it was last asked for')),
                ('built_at', models.DateTimeField(help_text='when its figures were made, or refused', null=True)),
                ('issued_at', models.DateTimeField(help_text='when it was made final', null=True)),
                ('issued_by', models.CharField(blank=True, help_text='the public id of the person or key', max_length=24)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('revises', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reports.report')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['customer', 'state'], name='reports_report_state')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'month', 'revision'), name='reports_report_once'), models.UniqueConstraint(fields=('customer', 'public_id'), name='reports_report_public_id_unique')],
            },
        ),
        ProtectRows("Report", grant=("SELECT", "INSERT", "UPDATE")),
        FrozenOnceIssued(),
    ]
