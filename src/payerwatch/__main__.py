"""The `payerwatch` command: Django's management utility with the settings preset."""

import os
import sys

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    execute_from_command_line(["payerwatch", *sys.argv[1:]])


if __name__ == "__main__":
    main()
