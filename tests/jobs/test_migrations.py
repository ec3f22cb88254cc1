"""The customers' time zones and nights, and what jobs are taken by, are made and taken back without a trace."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper

from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.make import customer
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)


def test_customers_that_were_there_before_are_in_utc_and_were_not_judged_by_night():
    practice, schema = customer(), schema_as_text()
    call_command("migrate", "tenancy", "0001_initial", verbosity=0)
    assert not any("time_zone" in line or "judged_night" in line for line in schema_as_text())
    call_command("migrate", verbosity=0)
    assert schema_as_text() == schema
    practice = Customer.objects.get(pk=practice.pk)
    assert (practice.time_zone, practice.judged_night) == ("UTC", None)


@pytest.mark.postgresql
def test_what_jobs_are_taken_and_held_by_goes_and_comes_back():
    schema = schema_as_text()
    call_command("migrate", "jobs", "zero", verbosity=0)
    try:
        gone = set(schema) - set(schema_as_text())
        assert {line.partition(" ON ")[0] for line in gone if line.startswith("index")} == {
            "index CREATE INDEX jobs_parked",
            "index CREATE INDEX jobs_lock",
        }
        assert any("payerwatch_hold_job" in line for line in gone)
        assert settings_of_taking() is None
    finally:
        call_command("migrate", verbosity=0)
    assert schema_as_text() == schema
    assert settings_of_taking() == ["enable_seqscan=off", "enable_bitmapscan=off"]


def settings_of_taking() -> list[str] | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = 'procrastinate_fetch_job_v2'")
        found: list[str] | None = cursor.fetchone()[0]
    return found


@pytest.mark.postgresql
@pytest.mark.usefixtures("table")
def test_a_job_is_taken_by_an_index_though_no_statistics_were_made():
    """Of thousands that wait, a few are read."""
    with as_migrator("default"), connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")  # or what the database had learnt of it would stay
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock) "
            "SELECT 'payerwatch', 'none', n, n FROM generate_series(1, 3000) AS n"
        )
        pages = [pages_read(cursor) for _ in range(4)]
    assert min(pages) < 200, pages  # whenever the catalogue has changed that is read too


def pages_read(cursor: CursorWrapper) -> int:
    """How many pages taking one job reads."""
    cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT procrastinate_fetch_job_v2(NULL, NULL)")
    plan = cursor.fetchone()[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
