"""No command takes entries away, and the product's command line offers none of Django's that could."""

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command, get_commands

from payerwatch import __main__
from payerwatch.__main__ import offered_commands
from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.operations.test_command_line import error_of, run
from tests.tenancy.schema import schema_as_text

OF_CUSTOMER = ("--customer", "Practice")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "add_customer": ("Another",),
    "add_member": ("ana@example.com", "--role", "viewer", *OF_CUSTOMER),
    "backup": ("--to", "backups"),
    "check": (),
    "create_operator": ("operator@example.com",),
    "demo": ("--json",),
    "explain": ("evt_2222222222222222", *OF_CUSTOMER),
    "export_audit": ("--out", "record.jsonl", *OF_CUSTOMER),
    "forget": (),
    "issue_key": ("Key", *OF_CUSTOMER),
    "load": ("claims.csv", *OF_CUSTOMER),
    "makemigrations": ("--dry-run",),
    "map_cpt_group": ("97110", "therapy", *OF_CUSTOMER),
    "map_payer": ("Aetna", "Aetna", *OF_CUSTOMER),
    "migrate": ("--noinput",),
    "restore": ("backup",),
    "rotate_field_keys": (),
    "sample": ("out", "--weeks", "2", "--claims-per-week", "5"),
    "showmigrations": (),
    "sqlmigrate": ("audit", "0001"),
    "undo": ("upl_2222222222222222", *OF_CUSTOMER),
    "verify_audit": (),
    "verify_backup": ("backup",),
}
NOT_RUN = {"serve", "demo"}  # the one does not end, the other has a database of its own


@pytest.fixture
def practice(
    transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Customer]:
    """A customer with entries, in a database that is not one of tests, until the test is over."""
    monkeypatch.chdir(tmp_path)
    practice = make.customer()
    settings.THROW_AWAY_DATABASE = False
    yield practice
    settings.THROW_AWAY_DATABASE = True


def kept(practice: Customer) -> set[tuple[str, int, bytes]]:
    with acting_in(practice):
        own = {("own", entry.position, bytes(entry.digest)) for entry in Entry.objects.all()}
    return own | {("installation", entry.position, bytes(entry.digest)) for entry in InstallationEntry.objects.all()}


def attempt(name: str, *arguments: str) -> None:
    with suppress(CommandError, SystemExit):
        call_command(name, *arguments, stdout=io.StringIO(), stderr=io.StringIO())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", sorted(offered_commands() - NOT_RUN))
def test_every_command_leaves_every_entry(practice: Customer, name: str):
    before = kept(practice)
    assert len(before) >= 2
    attempt(name, *ARGUMENTS.get(name, OF_CUSTOMER))
    assert kept(practice) >= before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "command", [("flush", "--noinput"), ("migrate", "audit", "zero"), ("migrate", "tenancy", "zero")]
)
def test_what_would_empty_the_tables_is_refused(practice: Customer, command: tuple[str, ...]):
    before = kept(practice)
    with pytest.raises(CommandError, match=r"couldn't be flushed|never deleted"):
        call_command(*command, verbosity=0, stdout=io.StringIO(), stderr=io.StringIO())
    assert kept(practice) >= before


@pytest.mark.django_db(transaction=True)
def test_without_entries_the_tables_may_go_and_come_again(transactional_db: None):
    before = schema_as_text()
    call_command("flush", interactive=False, verbosity=0)
    call_command("migrate", "audit", "zero", verbosity=0)
    assert not any("audit_entry" in line for line in schema_as_text())
    call_command("migrate", "audit", verbosity=0)
    assert schema_as_text() == before


@pytest.mark.pure
@pytest.mark.parametrize("name", sorted(set(get_commands()) - offered_commands()))
def test_a_command_of_djangos_that_is_not_needed_is_none_of_payerwatch(tmp_path: Path, name: str):
    assert __main__._names_no_command([name, "--noinput"])
    assert __main__._names_no_command([name])


@pytest.mark.pure
@pytest.mark.parametrize("arguments", [["flush", "--noinput"], ["help", "flush"], ["loaddata", "x"]])
def test_it_is_refused_as_usage(tmp_path: Path, arguments: list[str]):
    assert "There is no command" in error_of(run(tmp_path, *arguments, "--json"), 2)["message"]


@pytest.mark.pure
def test_help_lists_what_is_offered_and_nothing_else(tmp_path: Path):
    assert set(run(tmp_path, "help", "--commands").stdout.split()) == offered_commands()
