import django.db.models.deletion
import payerwatch.members.models
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models

from payerwatch.tenancy.rows import GrantTable, ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.members.models.new_person_id, editable=False, max_length=24, unique=True)),
                ('email', models.CharField(help_text='in lower case, as compared', max_length=254, unique=True)),
                ('name', models.CharField(max_length=200)),
                ('password', models.CharField(blank=True, help_text='Argon2 hash; empty until one is chosen', max_length=200)),
                ('is_operator', models.BooleanField(default=False)),
                ('suspended_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('password_changed_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='PasswordReset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='members.person')),
            ],
        ),
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.CharField(help_text='sealed', max_length=200)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('last_step', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='second_factor', to='members.person')),
            ],
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.members.models.new_session_id, editable=False, max_length=24, unique=True)),
                ('kind', models.CharField(choices=[('browser', 'Browser'), ('program', 'Program')], max_length=8)),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('with_second_factor', models.BooleanField(default=False)),
                ('reason', models.CharField(blank=True, help_text='why an operator entered the customer', max_length=200)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('agent', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('seen_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(help_text='the end whatever happens; idleness ends it sooner')),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_because', models.CharField(blank=True, max_length=24)),
                ('customer', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenancy.customer')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='members.person')),
            ],
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.members.models.new_key_id, editable=False, max_length=24)),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(max_length=24)),
                ('digest', models.CharField(max_length=64)),
                ('scopes', models.JSONField(default=list, help_text='the permissions it has')),
                ('allowed_addresses', models.JSONField(default=list, help_text='networks it may call from; none means any')),
                ('issued_by', models.CharField(blank=True, help_text='public id of who issued it', max_length=24)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(null=True)),
                ('last_used_at', models.DateTimeField(null=True)),
                ('last_used_address', models.CharField(blank=True, max_length=45)),
                ('revoked_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('rotated_from', payerwatch.tenancy.models.TenantForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.apikey')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'public_id'), name='members_apikey_public_id_unique'), models.UniqueConstraint(fields=('customer', 'digest'), name='members_apikey_digest_unique')],
            },
        ),
        ProtectRows('ApiKey', grant=['SELECT', 'INSERT', 'UPDATE']),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.members.models.new_invitation_id, editable=False, max_length=24)),
                ('email', models.CharField(max_length=254)),
                ('role', models.CharField(choices=[('owner', 'owner'), ('admin', 'admin'), ('analyst', 'analyst'), ('viewer', 'viewer')], max_length=10)),
                ('digest', models.CharField(max_length=64)),
                ('invited_by', models.CharField(blank=True, help_text='public id of who invited', max_length=24)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'public_id'), name='members_invitation_public_id_unique'), models.UniqueConstraint(fields=('customer', 'digest'), name='members_invitation_digest_unique')],
            },
        ),
        ProtectRows('Invitation', grant=['SELECT', 'INSERT', 'UPDATE']),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.members.models.new_member_id, editable=False, max_length=24)),
                ('role', models.CharField(choices=[('owner', 'owner'), ('admin', 'admin'), ('analyst', 'analyst'), ('viewer', 'viewer')], max_length=10)),
                ('state', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended')], default='active', max_length=10)),
                ('joined_at', models.DateTimeField(auto_now_add=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.person')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'public_id'), name='members_member_public_id_unique'), models.UniqueConstraint(fields=('customer', 'person'), name='members_member_person_unique')],
            },
        ),
        ProtectRows('Member'),
        migrations.CreateModel(
            name='PersonCustomer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tenancy.customer')),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='members.person')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('person', 'customer'), name='members_personcustomer_unique')],
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('used_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='members.person')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('person', 'digest'), name='members_recoverycode_unique')],
            },
        ),
        # People and their sessions stay, so that the names in the audit trail lead somewhere.
        GrantTable('Person', ['SELECT', 'INSERT', 'UPDATE']),
        GrantTable('Session', ['SELECT', 'INSERT', 'UPDATE']),
    ]
