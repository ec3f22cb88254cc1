from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('drift', '0005_before_triage'),
    ]

    operations = [
        migrations.AddField(
            model_name='driftrun',
            name='waiting_for',
            field=models.CharField(help_text='of one not begun: the day asked for, or latest; one waits for each', max_length=10, null=True),
        ),
        migrations.AddField(
            model_name='driftrun',
            name='begun_with',
            field=models.JSONField(help_text='how many files had been loaded, and taken back, as it began', null=True),
        ),
        migrations.AddField(
            model_name='driftevent',
            name='is_open',
            field=models.BooleanField(help_text='true while it is, else null: of a series one is open at a time', null=True),
        ),
    ]
