from django.db import migrations

from payerwatch.schema_changes.operations import IndexConcurrently

TAKE = "procrastinate_fetch_job_v2(character varying[], bigint)"


class Migration(migrations.Migration):
    atomic = False
    initial = True
    dependencies = [("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        IndexConcurrently("procrastinate_jobs", "jobs_parked", "(lock) WHERE status = 'failed'"),
        # Of a table that is empty at one moment and has thousands of rows at the next the statistics say nothing: without
        # them each job would be taken by reading and sorting all that wait.
        IndexConcurrently("procrastinate_jobs", "jobs_lock", "(lock) WHERE status IN ('todo', 'doing')"),
        migrations.RunSQL(
            f"ALTER FUNCTION {TAKE} SET enable_seqscan = off SET enable_bitmapscan = off",
            f"ALTER FUNCTION {TAKE} RESET ALL",
        ),
    ]
