"""The database in which a backup is tried goes, whoever else was connected to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
def connected_by(
    role: dict[str, Any], monkeypatch: pytest.MonkeyPatch, *, after: float = 0, seconds: float = 600
) -> Iterator[None]:
    """Within, a role is connected to every database in which a backup was verified: for so many seconds, and after so
    many, where it is there by then.
    """
    sessions: list[psycopg.Connection] = []
    timers: list[threading.Timer] = []
    verify = restoring._verify

    def verify_and_be_connected(name: str, *given: Any) -> None:
        verify(name, *given)
        address = reached_at(connection.settings_dict, role) | {"NAME": name}

        def come() -> None:
            with suppress(psycopg.OperationalError):  # it was dropped meanwhile
                sessions.append(psycopg.connect(conninfo(address), password=address["PASSWORD"]))

        def go() -> None:
            for each in sessions:
                each.close()

        timers[:] = [threading.Timer(after + seconds, go), *([threading.Timer(after, come)] if after else [])]
        if not after:
            come()
        for each in timers:
            each.start()

    try:
        with monkeypatch.context() as patch:
            patch.setattr(restoring, "_verify", verify_and_be_connected)
            yield
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()
        for each in sessions:
            each.close()


def verify(file: Path) -> make.Answered:
    return make.answer("verify_backup", file, customer=None)


def test_a_role_above_that_is_gone_soon_is_waited_for(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    """As an autovacuum worker: a role that may not end its session is refused at once if it tells it to end."""
    file = installation.back_up()
    with connected_by(configured.BACKUP_DATABASE, monkeypatch, seconds=1):
        done = verify(file)
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


def test_a_role_above_that_would_come_while_a_session_of_its_own_is_waited_for_keeps_nothing(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    """As a worker of autovacuum does at any moment: it would be found in place of the session that was to be ended."""
    file = installation.back_up()
    with (
        connected_by(configured.MIGRATOR_DATABASE, monkeypatch),
        connected_by(configured.BACKUP_DATABASE, monkeypatch, after=4),
    ):
        done = verify(file)
    assert done.code == 0, done.document
    assert databases_or_files(installation) == []


def test_a_session_of_its_own_role_that_a_killed_trial_left_is_ended(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    file = installation.back_up()
    with connected_by(configured.MIGRATOR_DATABASE, monkeypatch):
        assert verify(file).code == 0
    assert databases_or_files(installation) == []
