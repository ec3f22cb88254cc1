from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Backup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("made_at", models.DateTimeField(help_text="of what it holds: nothing later is in it")),
                ("size_bytes", models.BigIntegerField()),
                ("digest", models.CharField(help_text="SHA-256 of the file, in hexadecimal", max_length=64)),
            ],
            options={
                "indexes": [models.Index(fields=["-made_at"], name="health_backup_newest")],
            },
        ),
    ]
