"""The SQL of every migration of the product and of the trial, before a linter that knows what locks."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import override_settings

from payerwatch.tenancy.postgresql.roles import as_migrator

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]

ROOT = Path(__file__).parents[2]
SQUAWK = Path(sys.executable).with_name("squawk")
OWN = ("payerwatch.", "tests.schema_changes.")


def sql_of(app: str, name: str) -> str:
    told = io.StringIO()
    call_command("sqlmigrate", app, name, stdout=told)
    return told.getvalue()


def findings(directory: Path) -> list[str]:
    paths = sorted(directory.glob("*.sql"))
    command = [SQUAWK, "--config", ROOT / ".squawk.toml", "--reporter", "json", *paths]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return [f"{Path(each['file']).name}:{each['line']} {each['rule_name']}" for each in json.loads(answer.stdout)]


def test_no_migration_locks_what_is_used(tmp_path: Path):
    with as_migrator(), override_settings(MIGRATION_MODULES={}):
        loader = MigrationLoader(connection)
        own = [key for key, each in loader.disk_migrations.items() if each.__module__.startswith(OWN)]
        assert len(own) > 20
        for app, name in own:
            (tmp_path / f"{app}.{name}.sql").write_text(sql_of(app, name))
    assert findings(tmp_path) == []


def test_the_linter_sees(tmp_path: Path):
    (tmp_path / "plain.sql").write_text("CREATE INDEX some_index ON claims_claim (customer_id);\n")
    assert findings(tmp_path) == ["plain.sql:0 require-concurrent-index-creation"]
