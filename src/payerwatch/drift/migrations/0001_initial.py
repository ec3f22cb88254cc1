import django.db.models.deletion
import django.utils.timezone
import payerwatch.drift.models
import payerwatch.tenancy.absent_values
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('claims', '0001_initial'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='DriftEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.drift.models.new_event_id, editable=False, max_length=24)),
                ('measure', models.CharField(choices=[('denial_rate', 'Denial Rate'), ('days_to_decision', 'Days To Decision')], max_length=16)),
                ('cpt_group', models.CharField(blank=True, max_length=40)),
                ('direction', models.CharField(choices=[('worse', 'Worse'), ('better', 'Better')], max_length=6)),
                ('episode', models.IntegerField(default=1)),
                ('tier', models.CharField(choices=[('alert', 'Alert'), ('watch', 'Watch')], help_text='the highest of this episode', max_length=5)),
                ('status', models.CharField(choices=[('open', 'Open'), ('closed', 'Closed')], default='open', max_length=6)),
                ('certainty', models.CharField(help_text='very_likely, likely or watch, at its highest', max_length=12)),
                ('first_week', models.DateField(help_text='first flagged in any tier')),
                ('alert_week', models.DateField(help_text='first flagged as an alert', null=True)),
                ('as_of_week', models.DateField(help_text='last judged')),
                ('closed_week', models.DateField(null=True)),
                ('window', models.JSONField(help_text='the window with the smallest p: kind, weeks, first_week, last_week')),
                ('windows', models.JSONField(default=list, help_text='every window with its figures')),
                ('baseline', models.JSONField(default=dict, help_text='weeks and figures the expectation was made from')),
                ('observed', models.BigIntegerField(help_text='denials, or decisions, in the window')),
                ('expected', models.FloatField()),
                ('effect', models.FloatField(help_text='shrunken excess rate, or observed / expected decisions')),
                ('p_value', models.FloatField()),
                ('q_value', models.FloatField()),
                ('claims', models.BigIntegerField(help_text='claims in the window')),
                ('amount_at_risk', models.BigIntegerField(null=True)),
                ('top_denial_category', models.CharField(max_length=24, null=True)),
                ('provisional', models.BooleanField(default=False)),
                ('history', models.JSONField(default=list, help_text='one entry per judged week, oldest first')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('parent', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='drift.driftevent')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['customer', 'as_of_week', 'id'], name='drift_driftevent_as_of_week'), models.Index(fields=['customer', 'first_week', 'id'], name='drift_driftevent_first_week'), models.Index(models.F('customer'), payerwatch.tenancy.absent_values.AbsentLowest('amount_at_risk'), models.F('id'), name='drift_driftevent_amount')],
                'constraints': [models.UniqueConstraint(fields=('customer', 'measure', 'payer', 'cpt_group', 'direction', 'episode'), name='drift_driftevent_episode_unique'), models.UniqueConstraint(fields=('customer', 'public_id'), name='drift_driftevent_public_id_unique')],
            },
        ),
        migrations.CreateModel(
            name='DriftRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.drift.models.new_run_id, editable=False, max_length=24)),
                ('as_of_week', models.DateField(null=True)),
                ('data_version', models.CharField(help_text='SHA-256 of the cells the run was made from', max_length=64, null=True)),
                ('series_checked', models.IntegerField(null=True)),
                ('tests', models.IntegerField(null=True)),
                ('not_judged', models.JSONField(default=dict, help_text='reason -> number of series')),
                ('opened', models.IntegerField(default=0)),
                ('updated', models.IntegerField(default=0)),
                ('closed', models.IntegerField(default=0)),
                ('carried_at', models.DateTimeField(help_text='when it changed events; never, for a week before the newest run', null=True)),
                ('pending_known', models.BooleanField(help_text='false where the export holds decided claims only', null=True)),
                ('data_feed_stalled', models.BooleanField(help_text='most payers fell silent together: the feed, not the payers', null=True)),
                ('nodes', models.JSONField(default=list, help_text='every payer and series with its figures, or why not judged')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False, help_text='when it was asked for, or begun')),
                ('as_of', models.DateField(help_text='the day asked for; none means the latest loaded', null=True)),
                ('ended_at', models.DateTimeField(help_text='when it was judged or refused', null=True)),
                ('refusal', models.JSONField(help_text='why it was refused: code, message, where, fix', null=True)),
                ('remapped_at', models.DateTimeField(help_text='when a mapping was changed after it had changed events', null=True)),
                ('state', models.CharField(choices=[('requested', 'Requested'), ('running', 'Running'), ('done', 'Done'), ('refused', 'Refused')], default='done', max_length=9)),
                ('summary', models.JSONField(help_text='what people ask first, as it stood once events were changed', null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('same_as', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='repeats', to='drift.driftrun')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'as_of_week', 'data_version'), name='drift_driftrun_week_data_unique'), models.UniqueConstraint(fields=('customer', 'public_id'), name='drift_driftrun_public_id_unique')],
            },
        ),
        migrations.CreateModel(
            name='RunoffCell',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cpt_group', models.CharField(max_length=40)),
                ('submit_week', models.DateField()),
                ('lag_weeks', models.SmallIntegerField()),
                ('outcome', models.CharField(max_length=7)),
                ('denial_category', models.CharField(blank=True, max_length=24)),
                ('claims', models.BigIntegerField()),
                ('billed_amount', models.BigIntegerField()),
                ('allowed_amount', models.BigIntegerField()),
                ('paid_amount', models.BigIntegerField()),
                ('lag_days', models.BigIntegerField(help_text='days from submission to decision, summed')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'submit_week', 'payer', 'cpt_group', 'lag_weeks', 'outcome', 'denial_category'), name='drift_runoffcell_key_unique')],
            },
        ),
        ProtectRows("RunoffCell"),
        ProtectRows("DriftRun"),
        ProtectRows("DriftEvent"),
    ]
