"""Builds that are no good, each in its own way: the product as it is, started so that something is broken."""

import stat
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HERE = "tests.release"


class Fault(NamedTuple):
    """What is broken, and the words in which the release says what it found."""

    says: str
    settings: str = ""
    instead: str = ""
    """What the command does first."""


BROKEN = {
    "crashes": Fault("Its server has ended", instead='[ "$1" = serve ] && exit 3'),
    "fails": Fault("Asked for /api/v1/payers/ it fails: 500", f"{HERE}.failing_settings"),
    "slow": Fault("It is slower", f"{HERE}.slow_settings"),
    "unmigratable": Fault("Migrating failed", f"{HERE}.unmigratable_settings"),
    "workless": Fault("its worker has not begun", instead='[ "$1" = work ] && exec sleep 600'),
}
UNWRITABLE = Fault("POST /api/v1/payer-mappings/ failed", f"{HERE}.unwritable_settings")
LEAVING = Fault("", f"{HERE}.leaving_settings")
"""No fault: one that leaves a migration for later."""


def install(root: Path, build: str, fault: Fault | None = None) -> None:
    """A directory of the build, whose command is this project's."""
    command = root / "releases" / build / "bin" / "payerwatch"
    command.parent.mkdir(parents=True)
    lines = ["#!/bin/sh", f"export PYTHONPATH={ROOT}:{ROOT / 'src'}"]
    if fault is not None and fault.settings:
        lines.append(f"export DJANGO_SETTINGS_MODULE={fault.settings}")
    if fault is not None and fault.instead:
        lines.append(fault.instead)
    lines.append(f'exec {sys.executable} -m payerwatch "$@"')
    command.write_text("\n".join(lines) + "\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
