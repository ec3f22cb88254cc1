import django.db.models.deletion
import payerwatch.tenancy.context
from django.db import migrations, models

from payerwatch.audit.append_only import AppendOnly
from payerwatch.tenancy.rows import GrantTable, ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='InstallationChain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('length', models.BigIntegerField(default=0)),
                ('digest', models.BinaryField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='InstallationEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.BigIntegerField(help_text='place in the chain, from 1')),
                ('at', models.DateTimeField(help_text="when it was written, by the database's clock under the chain's lock")),
                ('actor_kind', models.CharField(max_length=20)),
                ('actor_id', models.CharField(max_length=40)),
                ('actor_name', models.CharField(max_length=200)),
                ('role', models.CharField(max_length=40)),
                ('address', models.CharField(max_length=45)),
                ('request_id', models.CharField(max_length=100)),
                ('verb', models.CharField(max_length=40)),
                ('thing_kind', models.CharField(max_length=40)),
                ('thing_id', models.CharField(max_length=100)),
                ('outcome', models.CharField(max_length=10)),
                ('detail', models.TextField(help_text='before and after as canonical JSON, or empty')),
                ('previous', models.BinaryField(help_text='digest of the entry before; 32 zero bytes at position 1')),
                ('digest', models.BinaryField(help_text='SHA-256 over the previous digest and everything above')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('position',), name='audit_installationentry_position_unique')],
            },
        ),
        migrations.CreateModel(
            name='Chain',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('length', models.BigIntegerField(default=0)),
                ('digest', models.BinaryField()),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer',), name='audit_chain_customer_unique')],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.BigIntegerField(help_text='place in the chain, from 1')),
                ('at', models.DateTimeField(help_text="when it was written, by the database's clock under the chain's lock")),
                ('actor_kind', models.CharField(max_length=20)),
                ('actor_id', models.CharField(max_length=40)),
                ('actor_name', models.CharField(max_length=200)),
                ('role', models.CharField(max_length=40)),
                ('address', models.CharField(max_length=45)),
                ('request_id', models.CharField(max_length=100)),
                ('verb', models.CharField(max_length=40)),
                ('thing_kind', models.CharField(max_length=40)),
                ('thing_id', models.CharField(max_length=100)),
                ('outcome', models.CharField(max_length=10)),
                ('detail', models.TextField(help_text='before and after as canonical JSON, or empty')),
                ('previous', models.BinaryField(help_text='digest of the entry before; 32 zero bytes at position 1')),
                ('digest', models.BinaryField(help_text='SHA-256 over the previous digest and everything above')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'position'), name='audit_entry_position_unique')],
            },
        ),
        # On SQLite there is one role, which appends; on PostgreSQL only the owner's functions write.
        ProtectRows("Chain", ["SELECT", "INSERT", "UPDATE"]),
        ProtectRows("Entry", ["SELECT", "INSERT"]),
        GrantTable("Chain", ["SELECT"]),
        GrantTable("Entry", ["SELECT"]),
        GrantTable("InstallationChain", ["SELECT"]),
        GrantTable("InstallationEntry", ["SELECT"]),
        AppendOnly(),
    ]
