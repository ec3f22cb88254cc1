import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import payerwatch.claims.models
import payerwatch.sealing.fields
import payerwatch.tenancy.absent_values
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.tenancy.rows import ProtectRows


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('sealing', '0001_initial'),
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
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(default=payerwatch.claims.models.new_upload_id, editable=False, max_length=24)),
                ('state', models.CharField(choices=[('receiving', 'Receiving'), ('received', 'Received'), ('loading', 'Loading'), ('loaded', 'Loaded'), ('repeated', 'Repeated'), ('refused', 'Refused'), ('undone', 'Undone')], default='loaded', max_length=10)),
                ('filename', payerwatch.sealing.fields.SealedTextField(purpose='upload.filename')),
                ('digest', models.CharField(blank=True, help_text="SHA-256 of the file's bytes, in hexadecimal", max_length=64)),
                ('size_bytes', models.BigIntegerField()),
                ('rows', models.BigIntegerField(default=0)),
                ('accepted', models.BigIntegerField(default=0)),
                ('set_aside', models.BigIntegerField(default=0)),
                ('new_claims', models.BigIntegerField(default=0)),
                ('updated_claims', models.BigIntegerField(default=0)),
                ('unchanged_claims', models.BigIntegerField(default=0)),
                ('reasons', models.JSONField(default=dict, help_text='rows set aside, by reason code')),
                ('mapping', models.JSONField(default=dict, help_text="field -> the file's column; until it is loaded, as asked for")),
                ('dropped_columns', models.JSONField(default=list, help_text='columns refused at the door as patient data')),
                ('date_order', models.CharField(blank=True, max_length=3)),
                ('header_signature', models.CharField(blank=True, max_length=64)),
                ('first_date', models.DateField(help_text='earliest submitted or decided date accepted', null=True)),
                ('last_date', models.DateField(help_text='latest submitted or decided date accepted', null=True)),
                ('loaded_at', models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ('undone_at', models.DateTimeField(null=True)),
                ('attempts', models.SmallIntegerField(default=0, help_text='how often loading it was begun')),
                ('detection_due', models.BooleanField(default=False, help_text='whether drift is yet to be looked for')),
                ('done', models.BigIntegerField(default=0, help_text="of `total`, in the stage's own unit")),
                ('received_at', models.DateTimeField(help_text='when it was sent over HTTP, or its last slice so far', null=True)),
                ('received_bytes', models.BigIntegerField(default=0, help_text='of a file that is sent in slices')),
                ('refusal', models.JSONField(help_text='why it was refused: code, message, where, fix', null=True)),
                ('repeats', models.CharField(blank=True, help_text='the upload that had loaded these bytes', max_length=24)),
                ('stage', models.CharField(blank=True, help_text='what loading it is at', max_length=10)),
                ('total', models.BigIntegerField(default=0)),
                ('arrived_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text='when its sending was begun, or it was loaded by a command')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
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
                ('claim_key', models.CharField(help_text='the claim number, or its blind index where it is sealed', max_length=100)),
                ('sealed_number', payerwatch.sealing.fields.SealedTextField(null=True, purpose='claim.number')),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('upload', payerwatch.tenancy.models.TenantForeignKey(help_text='the upload that last changed the claim', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.upload')),
                ('payer', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payer')),
                ('payer_mapping', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='claims.payermapping')),
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
                ('claim_key', models.CharField(help_text='the claim number, or its blind index where it is sealed', max_length=100)),
                ('sealed_number', payerwatch.sealing.fields.SealedTextField(null=True, purpose='claim.number')),
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
        migrations.CreateModel(
            name='UploadSlice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('content', 'Content'), ('set_aside', 'Set Aside')], max_length=9)),
                ('position', models.BigIntegerField(help_text='of its first byte')),
                ('key_id', models.CharField(max_length=16)),
                ('sealed', models.BinaryField()),
                ('customer', models.ForeignKey(db_index=False, default=payerwatch.tenancy.context.current_customer_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.customer')),
                ('upload', payerwatch.tenancy.models.TenantForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='slices', to='claims.upload')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
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
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['customer', 'state'], name='claims_upload_state'),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['customer', 'arrived_at', 'public_id'], name='claims_upload_arrived'),
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
        migrations.AddConstraint(
            model_name='replacedclaim',
            constraint=models.UniqueConstraint(fields=('customer', 'replaced_by', 'claim'), name='claims_replacedclaim_once'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'payer_mapping'], name='claims_claim_spelling'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'upload'], name='claims_claim_upload'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'submitted_date', 'id'], name='claims_claim_submitted'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(models.F('customer'), payerwatch.tenancy.absent_values.AbsentLowest('billed_amount'), models.F('id'), name='claims_claim_billed'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'cpt', 'submitted_date', 'id'], name='claims_claim_cpt'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(condition=models.Q(('denial_code__isnull', False)), fields=['customer', 'denial_code', 'submitted_date', 'id'], name='claims_claim_denial'),
        ),
        migrations.AddIndex(
            model_name='claim',
            index=models.Index(fields=['customer', 'payer', 'submitted_date', 'id'], name='claims_claim_payer'),
        ),
        migrations.AddConstraint(
            model_name='claim',
            constraint=models.UniqueConstraint(fields=('customer', 'claim_key', 'submitted_date'), name='claims_claim_number_unique'),
        ),
        migrations.AddConstraint(
            model_name='uploadslice',
            constraint=models.UniqueConstraint(fields=('customer', 'upload', 'kind', 'position'), name='claims_uploadslice_place'),
        ),
        ProtectRows("Payer"),
        ProtectRows("PayerMapping"),
        ProtectRows("CptGroupMapping"),
        ProtectRows("Upload"),
        ProtectRows("Claim"),
        ProtectRows("ReplacedClaim"),
        ProtectRows("UploadSlice"),
    ]
