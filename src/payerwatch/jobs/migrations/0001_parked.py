from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = [("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX jobs_parked ON procrastinate_jobs (lock) WHERE status = 'failed'",
            "DROP INDEX jobs_parked",
        )
    ]
