"""`payerwatch-release`: see docs/operating.md, Upgrading."""

import argparse
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from payerwatch.release.layout import Layout, ReleaseRefused
from payerwatch.release.processes import PARTS, Detached, Processes, Units
from payerwatch.release.switching import Release, Result

DONE, NOT_DONE, USAGE = 0, 1, 2
OF_THE_MIGRATOR = "MIGRATOR_DATABASE_URL"


def main(arguments: Sequence[str] | None = None) -> int:
    """0: the build asked for is used. 1: the one before is, as it was. 2: what was typed is not understood."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _as_interrupt)
    layout = Layout(options.root.absolute())
    environment = {**os.environ, **_read_environment(options.env_file)}
    migrator = _read_environment(options.migrator_env_file)
    processes: Processes = (
        Units() if options.systemd else Detached(layout, environment, tuple(shlex.split(options.serve_options)))
    )
    if options.command == "status":
        return _status(layout, processes)
    release = Release(
        layout,
        processes,
        environment,
        migrator,
        say=_say,
        watch_seconds=options.watch_seconds,
        ready_within=options.ready_seconds,
        drain_within=options.drain_seconds,
        key=options.key_file.read_text().strip() if options.key_file else "",
        metrics_token=environment.get("PAYERWATCH_METRICS_TOKEN", ""),
    )
    try:
        result = release.switch(options.build)
    except ReleaseRefused as refused:
        _say(f"Refused: {refused}")
        return NOT_DONE
    except KeyboardInterrupt:
        _say("Interrupted; the build before is used.")
        return NOT_DONE
    return DONE if result is Result.SWITCHED else NOT_DONE


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="payerwatch-release",
        description="Put a build in the place of the one that runs, and go back if it is no good.",
    )
    parser.add_argument("--root", type=Path, default=Path("/opt/payerwatch"), help="default /opt/payerwatch")
    parser.add_argument("--env-file", type=Path, help="settings of every process, a NAME=value on each line")
    parser.add_argument("--migrator-env-file", type=Path, help=f"beside, for migrate alone: {OF_THE_MIGRATOR}")
    parser.add_argument("--systemd", action="store_true", help="by units of systemd, not processes of its own")
    parser.add_argument("--serve-options", default="", help="more options of payerwatch serve, such as '--workers 4'")
    commands = parser.add_subparsers(dest="command", required=True)
    switch = commands.add_parser("switch", help="use this build; roll back by itself")
    switch.add_argument("build", help="the name of its directory in releases/")
    switch.add_argument("--watch-seconds", type=float, default=30, help="after the switch, default 30")
    switch.add_argument("--ready-seconds", type=float, default=30, help="it may take to be ready, default 30")
    switch.add_argument("--drain-seconds", type=float, default=40, help="what it has begun may take, default 40")
    switch.add_argument(
        "--key-file", type=Path, help="an API key that may read, for a rehearsal of all that can be read"
    )
    commands.add_parser("status", help="which build is used, and what runs")
    return parser.parse_args(arguments)


def _status(layout: Layout, processes: Processes) -> int:
    used = layout.used()
    _say(f"Used: {used or 'none'}")
    for directory in sorted((layout.root / "releases").glob("*")):
        running = [part for part in PARTS if processes.runs(directory.name, part)]
        _say(f"{directory.name}: {', '.join(running) or 'does not run'}")
    return DONE


def _read_environment(file: Path | None) -> dict[str, str]:
    """Lines as a shell would read them; remarks and empty lines are passed over."""
    if file is None:
        return {}
    words = [word for line in file.read_text().splitlines() for word in shlex.split(line, comments=True)]
    return dict(word.removeprefix("export ").split("=", 1) for word in words if "=" in word)


def _say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
