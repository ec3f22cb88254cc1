"""The `payerwatch` command: Django's management utility with the settings preset."""

import difflib
import json
import os
import sys

import django
from django.core.management import execute_from_command_line, get_commands

USAGE = 2


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    django.setup()
    arguments = sys.argv[1:]
    if arguments and not arguments[0].startswith("-") and arguments[0] not in {"help", *get_commands()}:
        sys.exit(_unknown_command(arguments))
    execute_from_command_line(["payerwatch", *arguments])


def _unknown_command(arguments: list[str]) -> int:
    """Say so, and what was probably meant; Django's own answer would count as refused, not as usage."""
    name = arguments[0]
    near = difflib.get_close_matches(name, get_commands(), n=3)
    message = f"There is no command {name!r}"
    fix = f"Did you mean {' or '.join(near)}?" if near else "List the commands with: payerwatch help"
    if "--json" in arguments:
        error = {"code": "unknown_command", "message": message, "where": "", "fix": fix}
        sys.stdout.write(json.dumps({"error": error}, indent=2) + "\n")
    else:
        sys.stderr.write(f"{message}. {fix}\n")
    return USAGE


if __name__ == "__main__":
    main()
