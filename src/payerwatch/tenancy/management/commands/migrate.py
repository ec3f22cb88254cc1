"""`payerwatch migrate`: as the role that owns the tables, after making the role the application uses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.checks import Tags
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder

from payerwatch.config.private_files import make_private_directory
from payerwatch.refusals import Refusal, states_usage_errors
from payerwatch.schema_changes.locks import Patience, patience_as
from payerwatch.schema_changes.releases import pending_before_release
from payerwatch.schema_changes.whole_migrations import alone, with_patience
from payerwatch.tenancy.postgresql.reaching import hindrance_of
from payerwatch.tenancy.postgresql.roles import (
    MIGRATING,
    as_migrator,
    keep_migration_history_from_app,
    prepare_app_role,
    refuse_unless_application_connects,
)


class MigrationRefused(Refusal):
    """The tables cannot be made: the database does not answer, or not with the roles that are needed."""


class Command(migrate.Command):
    _document: dict[str, list[str]]
    """What is answered with `--json`: which were applied."""

    requires_system_checks = (Tags.models, Tags.database)
    """What tables come from. The rest, which loads every view, has no part in them, and `payerwatch check` asks it."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="answer with one JSON document on stdout")
        parser.add_argument(
            "--before",
            action="store_true",
            help="apply only what the release before can live with; the rest, without this, when it runs no more",
        )
        parser.add_argument(
            "--patience",
            type=float,
            default=Patience.aside,
            metavar="SECONDS",
            help="for which a lock is tried for without keeping anybody waiting, default %(default)s",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["json"]:
            self._migrate(*args, **options)
            return
        before = self._applied(options["database"])
        self._migrate(*args, **options | {"verbosity": 0})
        applied = sorted(self._applied(options["database"]) - before)
        self._document = {"applied": [f"{app}.{name}" for app, name in applied]}

    def _migrate(self, *args: Any, **options: Any) -> None:
        if not options["before"]:
            super().handle(*args, **options)
            return
        if options["app_label"]:
            raise CommandError("--before takes no app: what it leaves out is left out everywhere.")
        pending = pending_before_release(connections[options["database"]])
        for app, name in pending.targets:
            super().handle(*args, **options | {"app_label": app, "migration_name": name})
        if pending.left:
            later = ", ".join(f"{app}.{name}" for app, name in pending.left)
            self.stderr.write(f"To be applied when the release before runs no more, by `payerwatch migrate`: {later}")

    def _applied(self, alias: str) -> set[tuple[str, str]]:
        return set(MigrationRecorder(connections[alias]).applied_migrations())

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if parser.called_from_command_line:
            states_usage_errors(parser)
        return parser

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Migrate. What is refused is a CommandError, with `--json` also stated on stdout, beside what was applied."""
        self._document = {}
        try:
            output = self._execute(*args, **options)
        except (ImproperlyConfigured, OperationalError, CommandError) as error:
            refusal = _refusal(error)
            if options["json"]:
                self.stdout.write(json.dumps(refusal.document() | self._document, indent=2))
            raise CommandError(f"{refusal.message} {refusal.fix}".strip()) from error
        if options["json"]:
            self.stdout.write(json.dumps(self._document, indent=2))
        return output

    def _execute(self, *args: Any, **options: Any) -> str | None:
        connection = connections[options["database"]]
        if connection.vendor == "postgresql":
            patience = replace(Patience(), aside=options.get("patience", Patience.aside))
            with patience_as(patience):
                output = self._execute_as_migrator(connection.alias, *args, **options)
            if not (options["plan"] or options["check_unapplied"] or connection.settings_dict.get(MIGRATING)):
                refuse_unless_application_connects(connection.alias)
            return output
        _make_directory(connection)
        return super().execute(*args, **options)

    def _execute_as_migrator(self, alias: str, *args: Any, **options: Any) -> str | None:
        with as_migrator(alias), alone(connections[alias]):
            prepare_app_role(alias)
            output = with_patience(lambda: super(Command, self).execute(*args, **options), self._say_who_is_in_the_way)
            keep_migration_history_from_app(alias)
            return output

    def _say_who_is_in_the_way(self, attempt: int) -> None:
        self.stderr.write(f"A table is in use; that migration was taken back and is begun again ({attempt}).")


def _refusal(error: Exception) -> MigrationRefused:
    if hindrance := hindrance_of(error.__cause__):
        return MigrationRefused(hindrance.message, fix=hindrance.fix)
    return MigrationRefused(str(error).strip())


def _make_directory(connection: Any) -> None:
    name = str(connection.settings_dict["NAME"])
    if not connection.is_in_memory_db() and not name.startswith("file:"):
        make_private_directory(Path(name).parent)
