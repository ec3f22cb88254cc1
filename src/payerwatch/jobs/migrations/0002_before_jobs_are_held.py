from django.db import migrations

# The weakest lock on a row: the worker may be struck off meanwhile, which empties its number there, but who would give
# the job to another locks the row FOR UPDATE and passes over it.
HOLD = """
CREATE FUNCTION payerwatch_hold_job(job bigint, worker bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM procrastinate_jobs WHERE id = job AND worker_id = worker AND status = 'doing' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'job % is not held by worker %', job, worker USING ERRCODE = 'PW001';
    END IF;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_taken_by_index")]

    operations = [
        migrations.RunSQL(HOLD, "DROP FUNCTION payerwatch_hold_job(bigint, bigint)"),
    ]
