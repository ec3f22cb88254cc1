from django.core.management.base import CommandError
from django.db import migrations, models

import payerwatch.sealing.fields


class SealedValuesLeft(CommandError):
    """Numbers that are sealed would be lost."""


def refuse_to_lose_sealed_values(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sealing_fieldkey")
        if cursor.fetchone()[0]:
            raise SealedValuesLeft("Customers have sealed values. First run: payerwatch rotate_field_keys --to plain")


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0001_initial'),
        ('sealing', '0001_initial'),
    ]

    operations = [
        # The constraint stays: the database renames its column with the table's.
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveConstraint(model_name='claim', name='claims_claim_number_unique')],
        ),
        migrations.RenameField(model_name='claim', old_name='claim_number', new_name='claim_key'),
        migrations.RenameField(model_name='replacedclaim', old_name='claim_number', new_name='claim_key'),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name=name,
                    name='claim_key',
                    field=models.CharField(help_text='the claim number, or its blind index where it is sealed', max_length=100),
                )
                for name in ('claim', 'replacedclaim')
            ] + [
                migrations.AddConstraint(
                    model_name='claim',
                    constraint=models.UniqueConstraint(fields=('customer', 'claim_key', 'submitted_date'), name='claims_claim_number_unique'),
                ),
            ],
        ),
        migrations.AddField(
            model_name='claim',
            name='sealed_number',
            field=payerwatch.sealing.fields.SealedTextField(null=True, purpose='claim.number'),
        ),
        migrations.AddField(
            model_name='replacedclaim',
            name='sealed_number',
            field=payerwatch.sealing.fields.SealedTextField(null=True, purpose='claim.number'),
        ),
        migrations.AlterField(
            model_name='upload',
            name='filename',
            field=payerwatch.sealing.fields.SealedTextField(purpose='upload.filename'),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_to_lose_sealed_values),
    ]
