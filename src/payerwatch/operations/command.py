"""What every command shares: `--json`, one shape for refusals, exit 0 done, 1 refused, 2 usage."""

import json
import re
import shlex
import shutil
import sys
from abc import abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console

from payerwatch.audit.actors import Actor, command_actor
from payerwatch.audit.record import Thing
from payerwatch.audit.refused import refusals_recorded
from payerwatch.config import env
from payerwatch.config.trace_context import continued
from payerwatch.drift.parameters import FIRST_DAY, LAST_DAY
from payerwatch.refusals import Interrupted, Refusal, SettingsUnusable, states_usage_errors
from payerwatch.schema_changes.releases import is_for_after
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.postgresql.reaching import hindrance_of
from payerwatch.tenancy.queries import customer_named

INTERRUPTED = 130


class DatabaseNotReady(Refusal):
    """The database cannot be used: it does not answer, or its tables are not there yet."""


class TablesNotReady(Refusal):
    """The database's tables are not those this version works with."""

    def __init__(self) -> None:
        super().__init__("The database is not at this version.", fix="Run: payerwatch migrate")


class NoTableOfJobs(Refusal):
    """On SQLite no job waits in a table: whoever causes a step does it."""

    def __init__(self) -> None:
        super().__init__(
            "With SQLite there is no table of jobs: the process that causes a job does it.",
            fix="payerwatch serve is enough. For workers of their own use PostgreSQL: set DATABASE_URL.",
        )


@dataclass(frozen=True)
class Answer:
    """What a command says: `document` for programs, `text` (rich markup) for people."""

    document: Any
    text: str = ""
    warnings: list[str] = field(default_factory=list)


class PayerwatchCommand(BaseCommand):
    """A command that answers in words, or with `--json` in one JSON document and nothing else."""

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer with one JSON document on stdout")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """The parser; with `--json` on the command line it states usage errors on stdout too."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if parser.called_from_command_line:
            states_usage_errors(parser)
        return parser

    @abstractmethod
    def answer(self, **options: Any) -> Answer:
        """Do the work. Raises Refusal."""

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            name = type(self).__module__.rpartition(".")[2]
            with continued(env.text("TRACEPARENT"), name=f"payerwatch {name}"):
                answer = self.answer(**options)
        except Refusal as refusal:
            self._refuse(refusal, as_json=options["json"])
        except (ImproperlyConfigured, CommandError) as error:
            self._refuse(SettingsUnusable(str(error)), as_json=options["json"])
        except (DatabaseError, InterfaceError) as error:
            self._refuse(database_refusal(error), as_json=options["json"])
        except KeyboardInterrupt:
            self._refuse(Interrupted(), as_json=options["json"], code=INTERRUPTED)
        else:
            self._say(answer, as_json=options["json"])

    def _say(self, answer: Answer, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(answer.document, indent=2, default=_plain))
        else:
            console = self.console()
            console.print(answer.text, soft_wrap=not console.is_terminal, highlight=False)
            for warning in answer.warnings:
                console.print(f"[yellow]Note:[/yellow] {warning}", soft_wrap=not console.is_terminal, highlight=False)

    def _refuse(self, refusal: Refusal, *, as_json: bool, code: int = 1) -> None:
        if as_json:
            self.stdout.write(json.dumps(refusal.document(), indent=2))
        else:
            self.stderr.write(refusal.in_words())
        sys.exit(code)

    def console(self) -> Console:
        """Where people read: colour and width as the terminal allows."""
        return Console(file=cast(IO[str], self.stdout), emoji=False)


_NO_TABLES = ("no such table", "unable to open database file")  # SQLite's words


def database_refusal(error: DatabaseError | InterfaceError) -> DatabaseNotReady:
    """What the database's error means for whoever runs the installation."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) == "42P01" or any(sign in str(cause) for sign in _NO_TABLES):
        return DatabaseNotReady("The database has no tables yet.", fix="Run: payerwatch migrate")
    if "locked" in str(cause):
        return DatabaseNotReady(
            "The database is in use by another command.", fix="Wait until it is done and try again."
        )
    if hindrance := hindrance_of(cause):
        return DatabaseNotReady(hindrance.message, fix=hindrance.fix)
    # The driver's own words may hold an address or a value: they are not repeated.
    return DatabaseNotReady(
        f"The database refused ({type(cause).__name__}).",
        fix="Check DATABASE_URL (or PAYERWATCH_DATA_DIR), that the server runs, and that payerwatch migrate was run.",
    )


def refuse_unless_migrated() -> None:
    """Raises TablesNotReady."""
    if missing_migrations():
        raise TablesNotReady


def missing_migrations() -> list[str]:
    """Which are not applied, as `app.name`; without those left for when the release before runs no more."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    wanted = [(each.app_label, each.name) for each, _ in plan]
    return [".".join(each) for each in wanted if not is_for_after(each)]


def add_customer_argument(parser: CommandParser) -> None:
    """The customer a command acts in."""
    parser.add_argument("--customer", required=True, metavar="NAME", help="the customer, as added")


@contextmanager
def changing(name: str, verb: str, thing: Thing) -> Iterator[Actor]:
    """Act in the customer of this name, as whoever runs the command; what is refused leaves an entry as well."""
    customer, actor = customer_named(name), command_actor()
    with refusals_recorded(verb, thing, actor=actor, customer=customer), acting_in(customer):
        yield actor


def dollars(text: str) -> int:
    """An argument that is an amount, as whole cents. Raises ArgumentTypeError, which is a usage error."""
    if not re.fullmatch(r"[0-9]{1,11}(\.[0-9]{1,2})?", text):
        raise ArgumentTypeError("write the amount in dollars, such as 1200.50")
    return round(float(text) * 100)


def day(text: str) -> date:
    """An argument that is a date, 1990 to 2100. Raises ArgumentTypeError, which is a usage error."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("write the date as YYYY-MM-DD, such as 2026-03-31") from None
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ArgumentTypeError(f"the date must be from {FIRST_DAY} to {LAST_DAY}")
    return found


def program() -> str:
    """How this command was started, to be pasted into the same shell."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m payerwatch"
    on_path = shutil.which("payerwatch")
    if started.name != "payerwatch" or (on_path and Path(on_path).absolute() == started.absolute()):
        return "payerwatch"
    return shlex.quote(sys.argv[0])


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
