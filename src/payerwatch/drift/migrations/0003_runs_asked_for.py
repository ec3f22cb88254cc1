import django.db.models.deletion
import payerwatch.tenancy.models
from payerwatch.tenancy.rows import ProtectKey
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('drift', '0002_page_orders'),
    ]

    operations = [
        migrations.AddField(
            model_name='driftrun',
            name='as_of',
            field=models.DateField(help_text='the day asked for; none means the latest loaded', null=True),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='ended_at',
            field=models.DateTimeField(help_text='when it was judged or refused', null=True),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='refusal',
            field=models.JSONField(help_text='why it was refused: code, message, where, fix', null=True),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='remapped_at',
            field=models.DateTimeField(help_text='when a mapping was changed after it had changed events', null=True),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='same_as',
            field=payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='repeats', to='drift.driftrun'),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='state',
            field=models.CharField(choices=[('requested', 'Requested'), ('running', 'Running'), ('done', 'Done'), ('refused', 'Refused')], default='done', max_length=9),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='summary',
            field=models.JSONField(help_text='what people ask first, as it stood once events were changed', null=True),
        ),
        migrations.AlterField(
            model_name='driftrun',
            name='as_of_week',
            field=models.DateField(null=True),
        ),
        migrations.AlterField(
            model_name='driftrun',
            name='data_feed_stalled',
            field=models.BooleanField(help_text='most payers fell silent together: the feed, not the payers', null=True),
        ),
        migrations.AlterField(
            model_name='driftrun',
            name='data_version',
            field=models.CharField(help_text='SHA-256 of the cells the run was made from', max_length=64, null=True),
        ),
        migrations.AlterField(
            model_name='driftrun',
            name='pending_known',
            field=models.BooleanField(help_text='false where the export holds decided claims only', null=True),
        ),
        migrations.AlterField(
            model_name='driftrun',
            name='series_checked',
            field=models.IntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='driftrun',
            name='tests',
            field=models.IntegerField(null=True),
        ),
        ProtectKey('DriftRun', 'same_as'),
    ]
