"""The trials on one SQLite file: `python -m tests.members.together DIRECTORY` prints what each came to, as JSON."""

import importlib
import json
import os
import sys

import django
from django.core.management import call_command


def main(directory: str) -> None:
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(PAYERWATCH_DATA_DIR=directory, DJANGO_SETTINGS_MODULE="tests.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    trials = importlib.import_module("tests.members.trials")
    json.dump({trial.__name__: trial() for trial in trials.TRIALS}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
