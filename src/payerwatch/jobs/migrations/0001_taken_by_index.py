from django.db import migrations

TAKE = "procrastinate_fetch_job_v2(character varying[], bigint)"


class Migration(migrations.Migration):
    initial = True
    dependencies = [("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX jobs_parked ON procrastinate_jobs (lock) WHERE status = 'failed'",
            "DROP INDEX jobs_parked",
        ),
        # Of a table that is empty at one moment and has thousands of rows at the next the statistics say nothing: without
        # them each job would be taken by reading and sorting all that wait.
        migrations.RunSQL(
            "CREATE INDEX jobs_lock ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing')",
            "DROP INDEX jobs_lock",
        ),
        migrations.RunSQL(
            f"ALTER FUNCTION {TAKE} SET enable_seqscan = off SET enable_bitmapscan = off",
            f"ALTER FUNCTION {TAKE} RESET ALL",
        ),
    ]
