import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


def place_uploads(apps, schema_editor):
    """Where they came in: the column's default is the moment of this migration."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("UPDATE claims_upload SET arrived_at = COALESCE(received_at, loaded_at, arrived_at)")


class Migration(migrations.Migration):

    dependencies = [
        ('claims', '0004_page_orders'),
    ]

    operations = [
        migrations.AddField(
            model_name='upload',
            name='arrived_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text='when its sending was begun, or it was loaded by a command'),
        ),
        migrations.RunPython(place_uploads, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='upload',
            index=models.Index(fields=['customer', 'arrived_at', 'public_id'], name='claims_upload_arrived'),
        ),
    ]
