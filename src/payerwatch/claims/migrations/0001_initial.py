import django.db.models.deletion
import payerwatch.claims.models
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from payerwatch.tenancy.rows import ProtectRows
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tenancy', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Payer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('name_key', models.CharField(max_length=200)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='PayerMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('raw_name', models.CharField(max_length=200)),
                ('raw_key', models.CharField(max_length=200)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='mappings', to='claims.payer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Claim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claim_number', models.CharField(max_length=100)),
                ('submitted_date', models.DateField()),
                ('service_date', models.DateField(null=True)),
                ('cpt', models.CharField(max_length=5)),
                ('cpt_group', models.CharField(max_length=40)),
                ('billed_amount', models.BigIntegerField(null=True)),
                ('allowed_amount', models.BigIntegerField(null=True)),
                ('paid_amount', models.BigIntegerField(null=True)),
                ('outcome', models.CharField(choices=[('paid', 'Paid'), ('denied', 'Denied'), ('pending', 'Pending')], max_length=7)),
                ('status', models.CharField(max_length=14)),
                ('decided_date', models.DateField(null=True)),
                ('denial_code', models.CharField(max_length=8, null=True)),
                ('denial_reason', models.CharField(max_length=200, null=True)),
                ('denial_category', models.CharField(max_length=24, null=True)),
                ('first_outcome', models.CharField(choices=[('paid', 'Paid'), ('denied', 'Denied'), ('pending', 'Pending')], max_length=7)),
                ('first_decided_date', models.DateField(null=True)),
                ('first_denial_category', models.CharField(max_length=24, null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
                ('payer_mapping', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payermapping')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.claims.models.new_upload_id, editable=False, max_length=24)),
                ('state', models.CharField(choices=[('loaded', 'Loaded'), ('undone', 'Undone')], default='loaded', max_length=10)),
                ('filename', models.CharField(max_length=255)),
                ('digest', models.CharField(help_text="SHA-256 of the file's bytes, in hexadecimal", max_length=64)),
                ('size_bytes', models.BigIntegerField()),
                ('rows', models.BigIntegerField(default=0)),
                ('accepted', models.BigIntegerField(default=0)),
                ('set_aside', models.BigIntegerField(default=0)),
                ('new_claims', models.BigIntegerField(default=0)),
                ('updated_claims', models.BigIntegerField(default=0)),
                ('unchanged_claims', models.BigIntegerField(default=0)),
                ('reasons', models.JSONField(default=dict, help_text='rows set aside, by reason code')),
                ('mapping', models.JSONField(default=dict, help_text="field -> the file's column")),
                ('dropped_columns', models.JSONField(default=list, help_text='columns refused at the door as patient data')),
                ('date_order', models.CharField(blank=True, max_length=3)),
                ('header_signature', models.CharField(max_length=64)),
                ('first_date', models.DateField(help_text='earliest submitted or decided date accepted', null=True)),
                ('last_date', models.DateField(help_text='latest submitted or decided date accepted', null=True)),
                ('loaded_at', models.DateTimeField(auto_now_add=True)),
                ('undone_at', models.DateTimeField(null=True)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='ReplacedClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('claim_number', models.CharField(max_length=100)),
                ('submitted_date', models.DateField()),
                ('service_date', models.DateField(null=True)),
                ('cpt', models.CharField(max_length=5)),
                ('cpt_group', models.CharField(max_length=40)),
                ('billed_amount', models.BigIntegerField(null=True)),
                ('allowed_amount', models.BigIntegerField(null=True)),
                ('paid_amount', models.BigIntegerField(null=True)),
                ('outcome', models.CharField(choices=[('paid', 'Paid'), ('denied', 'Denied'), ('pending', 'Pending')], max_length=7)),
                ('status', models.CharField(max_length=14)),
                ('decided_date', models.DateField(null=True)),
                ('denial_code', models.CharField(max_length=8, null=True)),
                ('denial_reason', models.CharField(max_length=200, null=True)),
                ('denial_category', models.CharField(max_length=24, null=True)),
                ('first_outcome', models.CharField(choices=[('paid', 'Paid'), ('denied', 'Denied'), ('pending', 'Pending')], max_length=7)),
                ('first_decided_date', models.DateField(null=True)),
                ('first_denial_category', models.CharField(max_length=24, null=True)),
                ('claim', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.claim')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
                ('payer_mapping', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payermapping')),
                ('replaced_by', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.upload')),
                ('upload', payerwatch.tenancy.models.TenantForeignKey(help_text='the upload that last changed the claim', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.upload')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='claim',
            name='upload',
            field=payerwatch.tenancy.models.TenantForeignKey(help_text='the upload that last changed the claim', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.upload'),
        ),
        migrations.CreateModel(
            name='CptGroupMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code_from', models.CharField(max_length=5)),
                ('code_to', models.CharField(max_length=5)),
                ('cpt_group', models.CharField(max_length=40)),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'constraints': [models.UniqueConstraint(fields=('customer', 'code_from', 'code_to'), name='claims_cptgroupmapping_range_unique')],
            },
        ),
        migrations.AddConstraint(
            model_name='payer',
            constraint=models.UniqueConstraint(fields=('customer', 'name_key'), name='claims_payer_name_unique'),
        ),
        migrations.AddConstraint(
            model_name='payermapping',
            constraint=models.UniqueConstraint(fields=('customer', 'raw_key'), name='claims_payermapping_raw_unique'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['customer', 'digest'], name='claims_upload_digest'),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.UniqueConstraint(fields=('customer', 'public_id'), name='claims_upload_public_id_unique'),
        ),
        migrations.AddIndex(
            model_name='replacedclaim',
            index=models.Index(fields=['customer', 'upload'], name='claims_replaced_upload'),
        ),
        migrations.AddIndex(
            model_name='replacedclaim',
            index=models.Index(fields=['customer', 'claim'], name='claims_replaced_claim'),
        ),
        migrations.AddIndex(
            model_name='replacedclaim',
            index=models.Index(fields=['customer', 'payer_mapping'], name='claims_replaced_spelling'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'payer_mapping'], name='claims_claim_spelling'),
        ),
        migrations.AddConstraint(
            model_name='replacedclaim',
            constraint=models.UniqueConstraint(fields=('customer', 'replaced_by', 'claim'), name='claims_replacedclaim_once'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'upload'], name='claims_claim_upload'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'payer', 'submitted_date'], name='claims_claim_payer'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.UniqueConstraint(fields=('customer', 'claim_number', 'submitted_date'), name='claims_claim_number_unique'),
        ),
        ProtectRows("Payer"),
        ProtectRows("PayerMapping"),
        ProtectRows("CptGroupMapping"),
        ProtectRows("Upload"),
        ProtectRows("Claim"),
        ProtectRows("ReplacedClaim"),
    ]
