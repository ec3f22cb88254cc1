"""`payerwatch migrate` beside a release that runs, beside another migration, and where a table is never free."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from payerwatch.schema_changes import whole_migrations
from payerwatch.schema_changes.locks import Patience
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.schema_changes.conftest import FIRST, STEPS, migrate
from tests.schema_changes.holding import connected, using

pytestmark = pytest.mark.django_db(transaction=True)


def applied() -> list[str]:
    return sorted(name for app, name in MigrationRecorder(connection).applied_migrations() if app == "trial")


def test_before_a_release_only_what_the_one_before_can_live_with_is_applied(
    trial: None, capsys: pytest.CaptureFixture[str]
):
    migrate("trial", "0006_after_filling")
    migrate(before=True)
    assert applied() == [FIRST, *STEPS[:-1]]
    assert "`payerwatch migrate`: trial.0008_after_leaving" in capsys.readouterr().err
    migrate()
    assert applied() == [FIRST, *STEPS]


def test_a_release_that_was_skipped_is_told_of(trial: None):
    """0007 is of the release after next: what the next one left for later must come first."""
    with pytest.raises(CommandError, match=r"trial\.0007_before_leaving rests on trial\.0006_after_filling"):
        migrate(before=True)
    assert applied() == [FIRST]


def test_what_is_left_out_is_left_out_everywhere():
    with pytest.raises(CommandError, match="--before takes no app"):
        call_command("migrate", "claims", before=True, verbosity=0)


@pytest.fixture
def another_migrates() -> Iterator[object]:
    with as_migrator(), connected() as other:
        other.execute("SELECT pg_advisory_lock(%s)", [whole_migrations._LOCK])
        yield other


@pytest.mark.postgresql
def test_two_do_not_migrate_at_once(another_migrates):
    pid = another_migrates.info.backend_pid
    with pytest.raises(CommandError, match=f"Another migration is at work \\(pid {pid}"):
        migrate(patience=0.3)


@pytest.mark.postgresql
def test_one_that_is_ending_is_waited_for(another_migrates):
    """As where one was killed and the server finishes what it was at."""
    ending = threading.Timer(0.5, another_migrates.close)
    ending.start()
    migrate(patience=30)
    ending.join()


@pytest.mark.postgresql
def test_who_is_in_the_way_is_named_and_what_was_done_stays(trial: None):
    with as_migrator(), using("claims_claim") as pid, pytest.raises(CommandError, match=f"pid {pid}"):
        migrate_hastily("trial")
    assert applied() == [FIRST]
    migrate("trial")
    assert applied() == [FIRST, *STEPS]


def migrate_hastily(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("payerwatch.tenancy.management.commands.migrate.Patience", Hasty)
        migrate(*words, patience=0.2)


def Hasty(**_given: object) -> Patience:  # noqa: N802
    return Patience(aside=0.2, in_line_ms=(20,), tries=1, pause_in_line=0.01)


Hasty.aside = 0.2  # type: ignore[attr-defined]


class Heard(io.StringIO):
    """What a command says; the third time something is done."""

    def __init__(self, do: Callable[[], object]) -> None:
        super().__init__()
        self._do = do
        self.times = 0

    def write(self, text: str) -> int:
        self.times += 1
        if self.times == 3:
            self._do()
        return super().write(text)


@pytest.mark.postgresql
def test_a_migration_that_is_one_transaction_is_begun_again_until_the_table_is_free():
    """It stands in the queue for 20 ms at a time, and is taken back whole each time."""
    migrate("shelf", "zero")
    with as_migrator(), connected() as other:
        other.execute("BEGIN; LOCK TABLE tenancy_customer IN SHARE ROW EXCLUSIVE MODE")
        heard = Heard(lambda: other.execute("COMMIT"))
        migrate("shelf", patience=300, stderr=heard)
    assert heard.times >= 3
    assert heard.getvalue().count("is begun again") == heard.times
