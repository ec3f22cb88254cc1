import django.db.models.deletion
import django.utils.timezone
import payerwatch.tenancy.context
import payerwatch.tenancy.models
from django.db import migrations, models
from payerwatch.tenancy.rows import ProtectRows


def forget_what_is_not_loaded(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("DELETE FROM claims_uploadslice")
        cursor.execute("DELETE FROM claims_upload WHERE state NOT IN ('loaded', 'undone')")


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0002_sealed_numbers'),
        ('tenancy', '0003_after_customer_public_id'),
    ]

    operations = [
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
        migrations.AddField(
            model_name='upload',
            name='attempts',
            field=models.SmallIntegerField(default=0, help_text='how often loading it was begun'),
        ),
        migrations.AddField(
            model_name='upload',
            name='detection_due',
            field=models.BooleanField(default=False, help_text='whether drift is yet to be looked for'),
        ),
        migrations.AddField(
            model_name='upload',
            name='done',
            field=models.BigIntegerField(default=0, help_text="of `total`, in the stage's own unit"),
        ),
        migrations.AddField(
            model_name='upload',
            name='received_at',
            field=models.DateTimeField(help_text='when it was sent over HTTP, or its last slice so far', null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='received_bytes',
            field=models.BigIntegerField(default=0, help_text='of a file that is sent in slices'),
        ),
        migrations.AddField(
            model_name='upload',
            name='refusal',
            field=models.JSONField(help_text='why it was refused: code, message, where, fix', null=True),
        ),
        migrations.AddField(
            model_name='upload',
            name='repeats',
            field=models.CharField(blank=True, help_text='the upload that had loaded these bytes', max_length=24),
        ),
        migrations.AddField(
            model_name='upload',
            name='stage',
            field=models.CharField(blank=True, help_text='what loading it is at', max_length=10),
        ),
        migrations.AddField(
            model_name='upload',
            name='total',
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='upload',
            name='digest',
            field=models.CharField(blank=True, help_text="SHA-256 of the file's bytes, in hexadecimal", max_length=64),
        ),
        migrations.AlterField(
            model_name='upload',
            name='header_signature',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AlterField(
            model_name='upload',
            name='loaded_at',
            field=models.DateTimeField(default=django.utils.timezone.now, null=True),
        ),
        migrations.AlterField(
            model_name='upload',
            name='mapping',
            field=models.JSONField(default=dict, help_text="field -> the file's column; until it is loaded, as asked for"),
        ),
        migrations.AlterField(
            model_name='upload',
            name='state',
            field=models.CharField(choices=[('receiving', 'Receiving'), ('received', 'Received'), ('loading', 'Loading'), ('loaded', 'Loaded'), ('repeated', 'Repeated'), ('refused', 'Refused'), ('undone', 'Undone')], default='loaded', max_length=10),
        ),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['customer', 'state'], name='claims_upload_state'),
        ),
        migrations.AddConstraint(
            model_name='uploadslice',
            constraint=models.UniqueConstraint(fields=('customer', 'upload', 'kind', 'position'), name='claims_uploadslice_place'),
        ),
        ProtectRows("UploadSlice"),
        migrations.RunPython(migrations.RunPython.noop, forget_what_is_not_loaded),
    ]
