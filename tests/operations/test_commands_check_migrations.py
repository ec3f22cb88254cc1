"""What a release will lock is told before, and is what it then locks."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test import override_settings

from payerwatch.schema_changes import forecast as forecasting
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.make import answer
from tests.schema_changes.conftest import FIRST, STEPS, migrate, practices, trial  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.sqlite
def test_on_sqlite_nothing_runs_beside_it():
    assert "stop the server" in answer("check_migrations", customer=None).document["on_sqlite"]


@pytest.mark.postgresql
def test_where_all_are_applied_there_is_nothing_to_tell():
    assert answer("check_migrations", customer=None).document["steps"] == []


@pytest.mark.postgresql
def test_each_step_tells_its_table_its_lock_and_its_rows(trial: None, practices: list[Customer]):  # noqa: F811
    with as_migrator():
        connection.cursor().execute("ANALYZE claims_claim")
    steps = answer("check_migrations", customer=None).document["steps"]
    assert [step["migration"].split(".")[1] for step in steps if step["what"].startswith("Build")] == [STEPS[2]]
    build = next(step for step in steps if step["what"].startswith("Build the index of trial_claim_unique"))
    assert (build["table"], build["rows"], build["lock"], build["after"]) == ("claims_claim", 120, "", False)
    assert build["seconds"] > 0
    attach = steps[steps.index(build) + 1]
    assert (attach["lock"], attach["seconds"]) == ("ACCESS EXCLUSIVE", 0)
    assert {step["after"] for step in steps if step["migration"] == "trial.0008_after_leaving"} == {True}
    assert not any(step["refused"] for step in steps)


@pytest.mark.postgresql
def test_what_is_told_is_what_is_locked(trial: None, practices: list[Customer]):  # noqa: F811
    """Of each migration: the locks that its transactions hold as they end, read from `pg_locks`."""
    told: dict[str, set[str]] = {step: set() for step in STEPS}
    for step in answer("check_migrations", customer=None).document["steps"]:
        if step["table"] == "claims_claim" and step["lock"]:
            told[step["migration"].split(".")[1]].add(step["lock"])
    for step in STEPS:
        with locks_seen() as seen:
            migrate("trial", step)
        assert seen.get("claims_claim", set()) == told[step], step


class locks_seen:  # noqa: N801
    """The locks that stop reading or writing, by table, which this process's transactions hold at any statement."""

    def __enter__(self) -> dict[str, set[str]]:
        self._seen: dict[str, set[str]] = {}
        self._asking = False
        self._wrapper = connection.execute_wrapper(self._look)
        self._wrapper.__enter__()
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._wrapper.__exit__(None, None, None)

    def _look(self, execute, sql, params, many, context):
        found = execute(sql, params, many, context)
        if not self._asking and connection.in_atomic_block and not connection.needs_rollback:
            self._asking = True
            try:
                self._ask()
            finally:
                self._asking = False
        return found

    def _ask(self) -> None:
        with connection.connection.cursor() as cursor:
            cursor.execute(
                "SELECT relation::regclass::text, mode FROM pg_locks WHERE pid = pg_backend_pid() AND granted "
                "AND mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock') "
                "AND relation IN (SELECT oid FROM pg_class WHERE relkind = 'r')"
            )
            for table, mode in cursor.fetchall():
                names = {"AccessExclusiveLock": "ACCESS EXCLUSIVE", "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE"}
                self._seen.setdefault(table, set()).add(names.get(mode, mode))


@pytest.mark.postgresql
def test_what_would_keep_others_out_is_refused_beforehand(
    practices: list[Customer],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    with plain_index_to_come(tmp_path, monkeypatch), as_migrator():
        connection.cursor().execute("ANALYZE claims_claim")
        refused = answer("check_migrations", customer=None)
    assert refused.code == 1
    assert "Create index plain_index" in refused.document["error"]["message"]
    assert "claims_claim, 120 rows" in refused.document["error"]["message"]


class plain_index_to_come:  # noqa: N801
    """A migration that is not applied, as somebody might write it without thinking."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = folder / "plain_migrations"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "0001_claims.py").write_text(
            (Path(__file__).parents[1] / "schema_changes" / "trial" / "migrations" / f"{FIRST}.py").read_text()
        )
        (package / "0002_index.py").write_text(
            "from django.db import migrations, models\n"
            "class Migration(migrations.Migration):\n"
            "    dependencies = [('trial', '0001_claims')]\n"
            "    operations = [migrations.AddIndex('Claim', models.Index(fields=['customer'], name='plain_index'))]\n"
        )
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr(forecasting, "MANY_ROWS", 100)
        self._settings = override_settings(MIGRATION_MODULES={"trial": "plain_migrations"})

    def __enter__(self) -> None:
        self._settings.enable()

    def __exit__(self, *_: object) -> None:
        self._settings.disable()
