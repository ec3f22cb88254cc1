import django.db.models.deletion
import django.utils.timezone
import payerwatch.alerts.models
import payerwatch.sealing.fields
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('claims', '0001_initial'),
        ('drift', '0005_before_triage'),
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.alerts.models.new_rule_id, editable=False, max_length=24)),
                ('name', models.CharField(blank=True, max_length=100)),
                ('measure', models.CharField(blank=True, choices=[('denial_rate', 'Denial Rate'), ('days_to_decision', 'Days To Decision')], max_length=16)),
                ('direction', models.CharField(blank=True, choices=[('worse', 'Worse'), ('better', 'Better')], default='worse', max_length=6)),
                ('level', models.CharField(blank=True, choices=[('payer', 'Payer'), ('cpt_group', 'Cpt Group')], help_text='only payers as a whole, or only their CPT groups', max_length=9)),
                ('certainty', models.CharField(default='likely', help_text='at least', max_length=12)),
                ('least_amount', models.BigIntegerField(default=0, help_text='at risk, in cents')),
                ('cpt_group', models.CharField(blank=True, max_length=40)),
                ('recipients', models.JSONField(default=list, help_text='the public ids of the members it tells by e-mail')),
                ('endpoints', models.JSONField(default=list, help_text='those of the endpoints it tells; none: all that subscribe')),
                ('cadence', models.CharField(choices=[('instant', 'Instant'), ('daily', 'Daily')], default='instant', max_length=7)),
                ('digest_hour', models.SmallIntegerField(default=7, help_text="of the customer's day, for a daily digest")),
                ('quiet_from', models.SmallIntegerField(help_text="the hour of the customer's day in which quiet begins", null=True)),
                ('quiet_until', models.SmallIntegerField(help_text='the hour in which it ends', null=True)),
                ('cool_down_hours', models.IntegerField(default=24, help_text='between two alerts about the same payer and CPT group')),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('removed_at', models.DateTimeField(help_text='what it has sent is kept, so it is too', null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('measure', models.CharField(choices=[('denial_rate', 'Denial Rate'), ('days_to_decision', 'Days To Decision')], max_length=16)),
                ('cpt_group', models.CharField(blank=True, max_length=40)),
                ('direction', models.CharField(choices=[('worse', 'Worse'), ('better', 'Better')], max_length=6)),
                ('episode', models.IntegerField()),
                ('public_id', models.CharField(default=payerwatch.alerts.models.new_alert_id, editable=False, max_length=24)),
                ('escalation', models.IntegerField(default=0)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('held', 'Held'), ('sent', 'Sent'), ('cancelled', 'Cancelled')], default='waiting', max_length=9)),
                ('waits_for', models.CharField(blank=True, choices=[('time', 'Time'), ('snooze', 'Snooze'), ('feed', 'Feed')], max_length=6)),
                ('due_at', models.DateTimeField(help_text='of one that waits for its time', null=True)),
                ('because', models.CharField(blank=True, choices=[('noise_verdicts', 'Noise Verdicts'), ('nobody_to_tell', 'Nobody To Tell'), ('over', 'Over'), ('taken_back', 'Taken Back'), ('triaged', 'Triaged'), ('rule_removed', 'Rule Removed'), ('no_longer_so', 'No Longer So')], help_text='why it was held or cancelled', max_length=14)),
                ('certainty', models.CharField(max_length=12)),
                ('amount_at_risk', models.BigIntegerField(null=True)),
                ('sentence', models.TextField(help_text='the event in plain words, as it was then')),
                ('raised_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('settled_at', models.DateTimeField(help_text='when it was sent, held or cancelled', null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('event', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='drift.driftevent')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
                ('rule', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='alerts.rule')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Verdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('measure', models.CharField(choices=[('denial_rate', 'Denial Rate'), ('days_to_decision', 'Days To Decision')], max_length=16)),
                ('cpt_group', models.CharField(blank=True, max_length=40)),
                ('direction', models.CharField(choices=[('worse', 'Worse'), ('better', 'Better')], max_length=6)),
                ('episode', models.IntegerField()),
                ('public_id', models.CharField(default=payerwatch.alerts.models.new_verdict_id, editable=False, max_length=24)),
                ('kind', models.CharField(choices=[('real', 'Real'), ('noise', 'Noise'), ('needs_follow_up', 'Needs Follow Up')], max_length=15)),
                ('reason', models.CharField(blank=True, choices=[('policy_change', 'Policy Change'), ('payer_error', 'Payer Error'), ('contract_change', 'Contract Change'), ('our_coding', 'Our Coding'), ('our_data', 'Our Data'), ('expected', 'Expected'), ('too_small', 'Too Small'), ('other', 'Other')], max_length=15)),
                ('recovered_amount', models.BigIntegerField(help_text='in cents', null=True)),
                ('note', payerwatch.sealing.fields.SealedTextField(null=True, purpose='verdict.note')),
                ('given_by', models.CharField(blank=True, help_text='the public id of the person or key', max_length=24)),
                ('given_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('superseded_at', models.DateTimeField(null=True)),
                ('alert', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='verdicts', to='alerts.alert')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('event', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='drift.driftevent')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddConstraint(
            model_name='rule',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='alerts_rule_public_id_unique'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(fields=['customer', 'event'], name='alerts_alert_event'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['customer', 'due_at'], name='alerts_alert_waiting'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='alerts_alert_public_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(fields=('customer', 'rule', 'measure', 'payer', 'cpt_group', 'direction', 'episode', 'escalation'), name='alerts_alert_once'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(fields=['customer', 'payer', 'cpt_group', 'given_at'], name='alerts_verdict_pair'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(fields=['customer', 'alert'], name='alerts_verdict_alert'),
        ),
        migrations.AddConstraint(
            model_name='verdict',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='alerts_verdict_public_id_unique'),
        ),
        ProtectRows("Rule"),
        ProtectRows("Alert"),
        ProtectRows("Verdict"),
    ]
