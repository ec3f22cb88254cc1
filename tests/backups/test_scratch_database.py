"""The database in which a backup is tried goes, whoever else was connected to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import connection

from payerwatch.backups import restoring
from payerwatch.backups.postgres_programs import conninfo
from payerwatch.tenancy.postgresql.roles import reached_at
from tests import make
from tests.backups.conftest import Installation
from tests.backups.test_backup_and_restore import databases_or_files

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgresql]


@contextmanager
def connected_by(role: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[list[psycopg.Connection]]:
    """Within, a role is connected to every database in which a backup was verified."""
    sessions: list[psycopg.Connection] = []
    verify = restoring._verify

    def verify_and_be_connected(name: str, *given: Any) -> None:
        verify(name, *given)
        address = reached_at(connection.settings_dict, role) | {"NAME": name}
        sessions.append(psycopg.connect(conninfo(address), password=address["PASSWORD"]))

    try:
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "_verify", verify_and_be_connected)
            yield sessions
    finally:
        for each in sessions:
            each.close()


def verify(file: Path) -> make.Answered:
    return make.answer("verify_backup", file, customer=None)


def test_a_role_above_that_is_gone_soon_is_waited_for(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    """As an autovacuum worker: a role that may not end its session is refused at once if it tells it to end."""
    file = installation.back_up()
    with connected_by(configured.BACKUP_DATABASE, monkeypatch) as sessions:
        leaving = threading.Timer(1, lambda: [each.close() for each in sessions])
        leaving.start()
        done = verify(file)
        leaving.join()
    assert done.code == 0, done.document
    assert databases_or_files(installation) == []


def test_one_that_stays_is_told_of_and_the_next_trial_drops_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    file = installation.back_up()
    with connected_by(configured.BACKUP_DATABASE, monkeypatch):
        refused = verify(file)
        [left] = databases_or_files(installation)
        assert (refused.error["code"], refused.error["where"]) == ("scratch_in_use", left)
        assert left in refused.error["message"]
    assert verify(file).code == 0
    assert databases_or_files(installation) == []


def test_a_session_of_its_own_role_that_a_killed_trial_left_is_ended(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    file = installation.back_up()
    with connected_by(configured.MIGRATOR_DATABASE, monkeypatch):
        assert verify(file).code == 0
    assert databases_or_files(installation) == []
