"""The `payerwatch` command: Django's management utility with the settings preset, and the product's commands alone."""

import difflib
import json
import os
import sys
from types import TracebackType

import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand

from payerwatch.config.collector import record_for_collector
from payerwatch.config.env import METRICS, data_directory
from payerwatch.config.logging import told
from payerwatch.measuring.sharing import share_between_processes
from payerwatch.refusals import Interrupted, Refusal, SettingsUnusable, Unforeseen, Usage

REFUSED, USAGE, INTERRUPTED = 1, 2, 130
# Of Django's own. Its others could empty the tables, serve them without the door or write past the record.
_OF_DJANGO = frozenset({"check", "makemigrations", "migrate", "showmigrations", "sqlmigrate"})


class Commands(ManagementUtility):
    """Django's, knowing only what the product offers."""

    def main_help_text(self, commands_only: bool = False) -> str:
        names = sorted(offered_commands())
        if commands_only:
            return "\n".join(names)
        return "\n".join(["payerwatch COMMAND [--help]. The commands:", "", *(f"    {name}" for name in names)])

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Reached with an unknown name by `help NAME` alone."""
        if subcommand not in offered_commands():
            sys.exit(_refuse(_unknown_command(subcommand), self.argv[1:], USAGE))
        return super().fetch_command(subcommand)


def offered_commands() -> set[str]:
    """The names of the product's commands, and of those of Django that it needs."""
    return {name for name, app in get_commands().items() if str(app).startswith("payerwatch.")} | _OF_DJANGO


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    arguments = sys.argv[1:]
    try:
        if arguments[:1] in (["serve"], ["work"]):
            share_between_processes(data_directory() / METRICS)
        django.setup()
        record_for_collector()
        if not settings.TELL_ALL:
            sys.excepthook = _tell_place
        if _names_no_command(arguments):
            sys.exit(_refuse(_unknown_command(arguments[0]), arguments, USAGE))
        Commands(["payerwatch", *arguments]).execute()
    except ImproperlyConfigured as error:
        sys.exit(_refuse(SettingsUnusable(str(error)), arguments, REFUSED))
    except KeyboardInterrupt:
        sys.exit(_refuse(Interrupted(), arguments, INTERRUPTED))


def _tell_place(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """Instead of a traceback, of which the last line may hold a value: what failed where."""
    known = told(error)
    _refuse(Unforeseen(known["error"], known["place"]), sys.argv[1:], REFUSED)


def _names_no_command(arguments: list[str]) -> bool:
    """Whether the first word is none of ours; other options in its place are Django's, such as --version."""
    if not arguments or arguments[0] in {"help", *offered_commands()}:
        return False
    return arguments[0] == "--json" or not arguments[0].startswith("-")


def _unknown_command(name: str) -> Usage:
    """What was probably meant; Django's own answer would count as refused, not as usage."""
    if name == "--json":
        return Usage("--json comes after the command", fix="List the commands with: payerwatch help")
    near = difflib.get_close_matches(name, offered_commands(), n=3)
    fix = f"Did you mean {' or '.join(near)}?" if near else "List the commands with: payerwatch help"
    return Usage(f"There is no command {name!r}", fix=fix)


def _refuse(refusal: Refusal, arguments: list[str], code: int) -> int:
    """State the refusal on stderr, with `--json` on stdout too, and give the exit code."""
    if "--json" in arguments:
        sys.stdout.write(json.dumps(refusal.document(), indent=2) + "\n")
    sys.stderr.write(refusal.in_words() + "\n")
    return code


if __name__ == "__main__":
    main()
