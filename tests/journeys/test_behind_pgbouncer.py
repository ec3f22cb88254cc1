"""All that an installation does, with PgBouncer in transaction mode before its database."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, written
from tests.journeys.conftest import Installation, assert_cells_are_right
from tests.journeys.serving import UNHINDERED, Browser, Headers, add_member, bearer, serving
from tests.journeys.test_serving_runs import ended
from tests.journeys.test_uploads_over_http import send, watched
from tests.pgbouncer import pgbouncer

pytestmark = [pytest.mark.database, pytest.mark.postgresql]

SCOPES = ("claims.read", "claims.load", "events.read", "audit.read")


@contextmanager
def behind(installation: Installation, *, connections: int = 3, direct: bool = True) -> Iterator[Installation]:
    """The same installation, all of it behind so few connections, but for LISTEN if there is a way past them."""
    url = installation.environment["DATABASE_URL"]
    with pgbouncer(url, connections=connections) as through:
        changes = {"DATABASE_URL": through, "PAYERWATCH_BEHIND_PGBOUNCER": "yes"}
        past = {"PAYERWATCH_DIRECT_DATABASE_URL": url} if direct else {}
        yield replace(installation, environment=installation.environment | changes | past)


def key_of(installation: Installation) -> Headers:
    return bearer(installation.ask("issue_key", "--name", "Practice system", "--scope", *SCOPES)["key"])


def file_of(folder: Path) -> bytes:
    return written(folder, claims_of(history(series=4, payers=2, weeks=60, volume=5))).read_bytes()


def test_people_and_programs_sign_in_send_a_file_and_have_it_judged(installation: Installation, tmp_path: Path):
    with behind(installation) as there:
        add_member(there, "owner@example.com")
        key = key_of(there)
        with serving(there, **UNHINDERED) as served:
            browser = Browser(served)
            assert browser.sign_in("owner@example.com").status == 200
            sent = send(served, dict(key), file_of(tmp_path))
            upload = watched(served, dict(key), str(sent.header("Location")))
            assert (upload["state"], upload["set_aside"]) == ("loaded", 0), upload
            started = served.ask("POST", "/api/v1/drift-runs/", {"as_of": "2024-09-29"}, key)
            run = ended(served, str(started.header("Location")), key)
            assert (run["state"], run["series_checked"]) == ("done", 4), run
            assert browser.ask("GET", "/api/v1/me/").status == 200
            assert len(served.ask("GET", "/api/v1/claims/?page_size=5", headers=key).document["results"]) == 5
            trail = served.ask("GET", "/api/v1/audit-entries/export/", headers=key)
            assert (trail.status, b"load" in trail.body) == (200, True), trail
            assert [line for line in served.lines() if line["level"] in ("error", "critical")] == []
        assert there.run("verify_audit").code == 0
    assert_cells_are_right(installation)


@pytest.mark.parametrize("direct", [True, False])
def test_a_worker_is_told_of_jobs_past_pgbouncer_or_says_that_it_is_not(
    installation: Installation, tmp_path: Path, direct: bool
):
    with behind(installation, direct=direct) as there:
        key = key_of(there)
        with serving(there, **UNHINDERED) as served:
            sent = send(served, dict(key), file_of(tmp_path))
            assert watched(served, dict(key), str(sent.header("Location")))["state"] == "loaded"
            said = served.log.read_text()
    assert ("PAYERWATCH_DIRECT_DATABASE_URL is not set" in said) is not direct


def test_no_connection_of_pgbouncers_keeps_anything_of_who_had_it(installation: Installation, tmp_path: Path):
    """What a session could keep: settings, cursors, statements, locks, tables, channels that it listens to."""
    left = """
        SELECT current_setting('statement_timeout'), coalesce(current_setting('app.customer_id', true), ''),
            (SELECT count(*) FROM pg_cursors WHERE name <> ''), (SELECT count(*) FROM pg_prepared_statements),
            (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_locks
            WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
            (SELECT count(*) FROM pg_class WHERE relpersistence = 't')
    """
    with behind(installation, connections=1) as there:
        key = key_of(there)
        with serving(there, **UNHINDERED) as served:
            sent = send(served, dict(key), file_of(tmp_path))
            assert watched(served, dict(key), str(sent.header("Location")))["state"] == "loaded"
            time.sleep(0.1)
            with psycopg.connect(there.environment["DATABASE_URL"], autocommit=True) as connection:
                found = psycopg.ClientCursor(connection).execute(left).fetchone()
    assert found == ("0", "", 0, 0, 0, 0, 0)
