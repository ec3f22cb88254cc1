"""Builds that are no good, each in its own way: the product as it is, started so that something is broken."""

import os
import stat
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BROKEN = {
    "crashes": "it ends as it starts",
    "fails": "one route fails",
    "slow": "every answer takes many times as long",
    "unmigratable": "a migration fails",
    "workless": "its worker never says that it lives",
}
_SETTINGS = {"fails": "tests.release.failing_settings", "slow": "tests.release.slow_settings",
             "unmigratable": "tests.release.unmigratable_settings"}  # fmt: skip
_INSTEAD = {
    "crashes": '[ "$1" = serve ] && { echo "boom" >&2; exit 3; }',
    "workless": '[ "$1" = work ] && exec sleep 600',
}


def install(root: Path, build: str, *, broken: str = "") -> None:
    """A directory of the build, whose command is this project's."""
    command = root / "releases" / build / "bin" / "payerwatch"
    command.parent.mkdir(parents=True)
    lines = ["#!/bin/sh", f"export PYTHONPATH={ROOT}:{ROOT / 'src'}{os.pathsep}$PYTHONPATH"]
    if broken in _SETTINGS:
        lines.append(f"export DJANGO_SETTINGS_MODULE={_SETTINGS[broken]}")
    if broken in _INSTEAD:
        lines.append(_INSTEAD[broken])
    lines.append(f'exec {sys.executable} -m payerwatch "$@"')
    command.write_text("\n".join(lines) + "\n")
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
