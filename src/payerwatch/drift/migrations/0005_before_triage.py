import django.db.models.deletion
import payerwatch.sealing.fields
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.schema_changes.operations import AddColumn
from payerwatch.tenancy.rows import ProtectKey


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('drift', '0001_initial'),
    ]

    operations = [
        AddColumn(
            model_name='driftevent',
            name='returned_from',
            field=payerwatch.tenancy.models.TenantForeignKey(help_text='the episode before, which was over', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='drift.driftevent'),
        ),
        AddColumn(
            model_name='driftevent',
            name='snooze',
            field=models.CharField(blank=True, choices=[('worse', 'Worse'), ('upload', 'Upload'), ('date', 'Date')], db_default='', help_text='until when it is snoozed', max_length=6),
        ),
        AddColumn(
            model_name='driftevent',
            name='snoozed_at_size',
            field=models.FloatField(help_text='how bad it was then: at risk, else claims too many', null=True),
        ),
        AddColumn(
            model_name='driftevent',
            name='snoozed_at_upload',
            field=models.BigIntegerField(help_text='the newest upload then', null=True),
        ),
        AddColumn(
            model_name='driftevent',
            name='snoozed_in',
            field=models.CharField(blank=True, db_default='', default='', help_text='cents or claims', max_length=6),
        ),
        AddColumn(
            model_name='driftevent',
            name='snoozed_until',
            field=models.DateField(help_text='of one that is snoozed until a date', null=True),
        ),
        AddColumn(
            model_name='driftevent',
            name='triage',
            field=models.CharField(choices=[('new', 'New'), ('acknowledged', 'Acknowledged'), ('snoozed', 'Snoozed'), ('noise', 'Noise'), ('closed', 'Closed')], db_default='new', default='new', help_text='what people do about it', max_length=12),
        ),
        AddColumn(
            model_name='driftevent',
            name='triage_note',
            field=payerwatch.sealing.fields.SealedTextField(null=True, purpose='drift_event.note'),
        ),
        AddColumn(
            model_name='driftevent',
            name='triage_reason',
            field=models.CharField(blank=True, db_default='', max_length=16),
        ),
        AddColumn(
            model_name='driftevent',
            name='triaged_at',
            field=models.DateTimeField(null=True),
        ),
        AddColumn(
            model_name='driftevent',
            name='triaged_by',
            field=models.CharField(blank=True, db_default='', help_text='the public id of the person or key', max_length=24),
        ),
        ProtectKey("DriftEvent", "returned_from"),
    ]
