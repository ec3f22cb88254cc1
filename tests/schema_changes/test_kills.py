"""A migration that is killed anywhere is simply run again: it comes to the same end, and leaves nothing half made."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from payerwatch.schema_changes.backfilling import PLACES
from payerwatch.tenancy.models import Customer
from tests.processes import environment
from tests.schema_changes.conftest import FIRST, migrate
from tests.schema_changes.test_chain import rows_of
from tests.tenancy.schema import schema_as_text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql, pytest.mark.proof]

KILLS = 20 if os.environ.get("PAYERWATCH_PROOF") == "full" else 2
COMMAND = [sys.executable, "-m", "payerwatch", "migrate", "trial", "--verbosity", "0"]


def begin() -> subprocess.Popen[bytes]:
    owner = os.environ["MIGRATOR_DATABASE_URL"].rpartition("/")[0] + "/" + str(connection.settings_dict["NAME"])
    told = {"DJANGO_SETTINGS_MODULE": "tests.schema_changes.settings", "MIGRATOR_DATABASE_URL": owner}
    return subprocess.Popen(COMMAND, env=environment() | told, stderr=subprocess.PIPE)


def left_half_made() -> list[str]:
    """Indexes that are not valid, constraints that are not validated, and the notes of a filling-in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
        found = cursor.fetchall()
        cursor.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated")
        found += cursor.fetchall()
        cursor.execute("SELECT relname FROM pg_class WHERE relname = %s", [PLACES])
        return [name for (name,) in found + cursor.fetchall()]


def first_change() -> bool:
    """Whether the chain has begun: its process starts for longer than it works."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_attribute WHERE attrelid = 'claims_claim'::regclass AND attname = 'place'")
        return cursor.fetchone() is not None


def test_a_chain_killed_anywhere_converges(trial: None, practices: list[Customer]):
    rows = rows_of(practices)
    migrate("trial")
    whole = schema_as_text()
    migrate("trial", FIRST)
    process = begin()
    while not first_change() and process.poll() is None:
        time.sleep(0.005)
    worked = time.monotonic()
    _, told = process.communicate()
    assert process.returncode == 0, told.decode()
    takes = time.monotonic() - worked
    chance, killed, tried = random.Random(11), 0, 0
    while killed < KILLS:  # one that has come to its end before was not killed
        tried += 1
        assert tried <= 10 * KILLS
        migrate("trial", FIRST)
        process = begin()
        while not first_change() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, takes))
        process.send_signal(signal.SIGKILL)
        _, told = process.communicate()
        killed += process.returncode == -signal.SIGKILL
        assert process.returncode in (-signal.SIGKILL, 0), told.decode()
        again = begin()
        _, told = again.communicate()
        assert again.returncode == 0, told.decode()
        assert left_half_made() == []
        assert schema_as_text() == whole
        assert rows_of(practices) == rows
