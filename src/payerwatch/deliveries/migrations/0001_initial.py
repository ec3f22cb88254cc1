import django.db.models.deletion
import django.utils.timezone
import payerwatch.deliveries.channels
import payerwatch.deliveries.models
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.deliveries.models.new_endpoint_id, editable=False, max_length=24)),
                ('channel', models.CharField(choices=payerwatch.deliveries.channels.endpoint_channels, max_length=20)),
                ('sealed_url', models.TextField(help_text='an address may itself be a secret, as those of Slack are')),
                ('name', models.CharField(blank=True, help_text='what it is for', max_length=100)),
                ('event_types', models.JSONField(default=list, help_text='those it is sent; none means all')),
                ('payload_version', models.SmallIntegerField(default=1, help_text='the form of the bodies it is sent')),
                ('state', models.CharField(choices=[('enabled', 'Enabled'), ('disabled', 'Disabled')], default='enabled', max_length=8)),
                ('disabled_because', models.CharField(blank=True, choices=[('by_hand', 'By Hand'), ('gone', 'Gone'), ('failing', 'Failing')], max_length=7)),
                ('disabled_at', models.DateTimeField(null=True)),
                ('failing_since', models.DateTimeField(help_text='the first failure since something last arrived', null=True)),
                ('failures_in_row', models.IntegerField(default=0)),
                ('paused_until', models.DateTimeField(help_text='nothing is sent before, as it has failed again and again', null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('removed_at', models.DateTimeField(help_text='what was sent to it is kept, so it is too', null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.deliveries.models.new_message_id, editable=False, max_length=24)),
                ('recipient', models.CharField(null=True, help_text='the member who is sent it by e-mail', max_length=24)),
                ('type', models.CharField(max_length=40)),
                ('about', models.CharField(blank=True, help_text='the public id of the thing it tells of', max_length=24)),
                ('body', models.TextField(help_text='the bytes that are signed, or what a channel makes its message of')),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed'), ('dropped', 'Dropped')], default='waiting', max_length=9)),
                ('attempts_made', models.IntegerField(default=0, help_text='of all')),
                ('attempts_of_schedule', models.IntegerField(default=0, help_text='since it was told, or sent again')),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now, help_text='of one that waits', null=True)),
                ('sending_until', models.DateTimeField(help_text='somebody is at it; after that they have died', null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('settled_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('endpoint', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='deliveries.endpoint')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.deliveries.models.new_attempt_id, editable=False, max_length=24)),
                ('number', models.IntegerField(help_text='of all that were made for the message, from 1')),
                ('started_at', models.DateTimeField()),
                ('status', models.SmallIntegerField(help_text='of the answer, where there was one', null=True)),
                ('failure', models.CharField(blank=True, help_text='why there was none, or none that can be used', max_length=24)),
                ('milliseconds', models.IntegerField()),
                ('excerpt', models.TextField(blank=True, help_text='how the answer began, without what looks like a secret')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('message', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='deliveries.message')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='SigningSecret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed_secret', models.TextField()),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('expires_at', models.DateTimeField(help_text='of one that has a successor', null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('endpoint', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='secrets', to='deliveries.endpoint')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='deliveries_endpoint_public_id_unique'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['customer', 'endpoint', 'due_at', 'id'], name='deliveries_message_due'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['customer', 'endpoint', 'id'], name='deliveries_message_of_endpoint'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(fields=['customer', 'about', 'id'], name='deliveries_message_about'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='deliveries_message_public_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('endpoint', None), ('recipient', None), _connector='XOR'), name='deliveries_message_to_one'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='deliveries_attempt_public_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('customer', 'message', 'number'), name='deliveries_attempt_number_unique'),
        ),
        migrations.AddIndex(
            model_name='signingsecret',
            index=models.Index(fields=['customer', 'endpoint', 'id'], name='deliveries_signingsecret_of'),
        ),
        ProtectRows("Endpoint"),
        ProtectRows("SigningSecret"),
        ProtectRows("Message"),
        ProtectRows("Attempt", grant=("SELECT", "INSERT")),
    ]
