from django.db import migrations

from payerwatch.throttling.schema import RunOnPostgresql

# Unlogged: no disk is waited for, and after a crash of the server the counts begin anew.
HITS = """
CREATE UNLOGGED TABLE throttling_hit (
    bucket bytea NOT NULL,
    at bigint NOT NULL,
    receipt bigint NOT NULL,
    leaves bigint NOT NULL,
    PRIMARY KEY (bucket, at, receipt)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05)
"""

# Always in the same order, so that two calls never wait for each other.
LOCK = """
CREATE FUNCTION throttling_lock(buckets bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    FOR number IN
        SELECT ('x' || encode(substr(each, 1, 8), 'hex'))::bit(64)::bigint FROM unnest(buckets) AS each ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(number);
    END LOOP;
END $$
"""

# A lock is waited for a little shorter than whoever asks waits for the answer, so that what was given up does not
# count afterwards. Times and windows are in microseconds. The clock is read when the locks are held, and what other calls
# counted is seen from then on, which takes READ COMMITTED: any other level would see what was before. Every statement is
# a look-up by key, so one plan made once serves all calls.
TAKE = """
CREATE FUNCTION throttling_take(new_receipt bigint, buckets bytea[], limits integer[], windows bigint[])
RETURNS TABLE (allowed boolean, moment bigint, hits integer, leaves bigint)
LANGUAGE plpgsql SET lock_timeout = '700ms' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    passes boolean;
    clock bigint;
    counts integer[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'throttling_take needs READ COMMITTED';
    END IF;
    PERFORM throttling_lock(buckets);
    clock := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

    UPDATE throttling_hit AS hit SET at = clock, leaves = clock + asked.span
        FROM unnest(buckets, windows) AS asked (bucket, span) WHERE hit.bucket = asked.bucket AND hit.at > clock;
    DELETE FROM throttling_hit AS hit
        USING unnest(buckets, windows) AS asked (bucket, span)
        WHERE hit.bucket = asked.bucket AND hit.at <= clock - asked.span;

    counts := ARRAY(
        SELECT (SELECT count(*) FROM throttling_hit AS hit WHERE hit.bucket = asked.bucket)
        FROM unnest(buckets) WITH ORDINALITY AS asked (bucket, place) ORDER BY place);
    passes := NOT EXISTS (
        SELECT FROM unnest(counts, limits) AS asked (held, most) WHERE asked.held >= asked.most);
    IF passes THEN
        INSERT INTO throttling_hit (bucket, at, receipt, leaves)
            SELECT asked.bucket, clock, new_receipt, clock + asked.span
            FROM unnest(buckets, windows) AS asked (bucket, span);
    END IF;
    IF new_receipt % 512 = 0 THEN
        DELETE FROM throttling_hit WHERE ctid = ANY (ARRAY(
            SELECT hit.ctid FROM throttling_hit AS hit WHERE hit.leaves <= clock
            ORDER BY hit.leaves LIMIT 1000 FOR UPDATE SKIP LOCKED));
    END IF;

    RETURN QUERY
        SELECT passes, clock, asked.held + passes::integer,
            (SELECT hit.at FROM throttling_hit AS hit WHERE hit.bucket = asked.bucket
             ORDER BY hit.at OFFSET greatest(asked.held - asked.most, 0) LIMIT 1)
        FROM unnest(buckets, counts, limits) WITH ORDINALITY AS asked (bucket, held, most, place) ORDER BY place;
END $$
"""

GIVE_BACK = """
CREATE FUNCTION throttling_give_back(old_receipt bigint, buckets bytea[]) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '700ms' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM throttling_lock(buckets);
    DELETE FROM throttling_hit AS hit WHERE hit.bucket = ANY (buckets) AND hit.receipt = old_receipt;
END $$
"""

FUNCTIONS = {
    "throttling_lock(bytea[])": LOCK,
    "throttling_take(bigint, bytea[], integer[], bigint[])": TAKE,
    "throttling_give_back(bigint, bytea[])": GIVE_BACK,
}


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        RunOnPostgresql(
            "Keep hits in a table that only the throttles' functions need",
            forwards=[
                HITS,
                "CREATE INDEX throttling_hit_leaves ON throttling_hit (leaves)",
                "REVOKE ALL ON throttling_hit FROM {app}",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON throttling_hit TO {app}",
            ],
            backwards=["DROP TABLE throttling_hit"],
        ),
        *(
            RunOnPostgresql(
                f"Create {name}",
                forwards=[
                    statement,
                    f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC",
                    f"GRANT EXECUTE ON FUNCTION {name} TO {{app}}",
                ],
                backwards=[f"DROP FUNCTION {name}"],
            )
            for name, statement in FUNCTIONS.items()
        ),
    ]
