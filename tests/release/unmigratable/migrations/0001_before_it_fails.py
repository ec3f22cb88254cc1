from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    operations = [migrations.RunSQL("SELECT * FROM there_is_no_such_table", migrations.RunSQL.noop)]
