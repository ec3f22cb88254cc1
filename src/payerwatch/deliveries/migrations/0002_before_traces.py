import payerwatch.config.trace_context
from django.db import migrations, models

from payerwatch.schema_changes.operations import AddColumn


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("deliveries", "0001_initial")]

    operations = [
        AddColumn(
            "Message",
            "traceparent",
            models.CharField(
                db_default="",
                default=payerwatch.config.trace_context.traceparent,
                editable=False,
                help_text="of what caused it",
                max_length=55,
            ),
        ),
    ]
