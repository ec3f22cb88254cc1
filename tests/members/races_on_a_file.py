"""The same races on a SQLite file: `python -m tests.members.races_on_a_file DIRECTORY THREADS`. Prints JSON."""

import importlib
import json
import os
import sys

import django
from django.core.management import call_command


def main(directory: str, threads: int) -> None:
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(PAYERWATCH_DATA_DIR=directory, DJANGO_SETTINGS_MODULE="tests.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    races = importlib.import_module("tests.members.races")  # its models need the settings
    json.dump(races.refreshes(threads), sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
