"""`payerwatch-release`: see docs/releasing.md."""

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from payerwatch.release.asking import Asker
from payerwatch.release.interrupts import interrupted_once
from payerwatch.release.layout import Layout
from payerwatch.release.processes import PARTS, Detached, Processes
from payerwatch.release.refusals import ReleaseRefused
from payerwatch.release.switching import Release, Result
from payerwatch.release.units import Units

HOSTS = "PAYERWATCH_HOSTS"
DONE, NOT_DONE, USAGE = 0, 1, 2
SETTINGS = Path("/etc/payerwatch/settings.env")


def main(arguments: Sequence[str] | None = None) -> int:
    """0: what was asked for is done. 1: it is not, and all is as it was. 2: what was typed is not understood."""
    options = parse(arguments)
    interrupted_once()
    try:
        return _run(options)
    except ReleaseRefused as refused:
        _say(f"Refused: {refused}")
    except KeyboardInterrupt:
        _say("Interrupted; the build before is used.")
    return NOT_DONE


def _run(options: argparse.Namespace) -> int:
    layout = Layout(options.root.absolute())
    environment = {**os.environ, **_read_environment(options.env_file)}
    processes = _processes(options, layout, environment)
    commands: dict[str, Callable[[], int]] = {
        "status": lambda: _status(layout, processes),
        "switch": lambda: _switch(_release(options, layout, processes, environment), options.build),
        "finish": lambda: _finish(Release(layout, processes, _asker(environment), _say)),
    }
    return commands[options.command]()


def _switch(release: Release, build: str) -> int:
    return DONE if release.switch(build) is Result.SWITCHED else NOT_DONE


def _finish(release: Release) -> int:
    release.finish()
    return DONE


def _status(layout: Layout, processes: Processes) -> int:
    _say(f"Used: {layout.used() or 'none'}")
    is_locked, unfinished = layout.is_locked(), layout.unfinished()
    release = f"The release of {unfinished.build}" if unfinished is not None else "A release"
    if is_locked:
        _say(f"{release} is under way.")
    elif unfinished is not None:
        _say(f"{release} was interrupted. The next switch takes it up first.")
    for build in layout.builds():
        running = [part for part in PARTS if processes.runs(build, part)]
        _say(f"{build}: {', '.join(running) or 'does not run'}")
    return DONE


def _processes(options: argparse.Namespace, layout: Layout, environment: Mapping[str, str]) -> Processes:
    if options.systemd:
        return Units(layout)
    migrator = _read_environment(options.migrator_env_file)
    return Detached(layout, environment, migrator, tuple(options.serve_options))


def _release(
    options: argparse.Namespace, layout: Layout, processes: Processes, environment: Mapping[str, str]
) -> Release:
    """Raises ReleaseRefused."""
    if not environment.get("DATABASE_URL", "").startswith("postgres"):
        raise ReleaseRefused(
            "Two builds can run beside each other on PostgreSQL alone, and DATABASE_URL names none. "
            "On SQLite: stop the server, payerwatch migrate, start it."
        )
    return Release(
        layout,
        processes,
        _asker(environment),
        _say,
        watch_seconds=options.watch_seconds,
        ready_within=options.ready_seconds,
        drain_within=options.drain_seconds,
        key=_read(options.key_file).strip() if options.key_file else "",
        metrics_token=environment.get("PAYERWATCH_METRICS_TOKEN", ""),
    )


def _asker(environment: Mapping[str, str]) -> Asker:
    """One that names the first of the hosts that are answered."""
    return Asker((environment.get(HOSTS) or "localhost").split(",")[0].strip())


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="payerwatch-release",
        description="Put a build in the place of the one that runs, and go back if it is no good.",
    )
    parser.add_argument("--root", type=Path, default=Path("/opt/payerwatch"), help="default /opt/payerwatch")
    parser.add_argument("--systemd", action="store_true", help="by units of systemd, not processes of its own")
    parser.add_argument(
        "--env-file", type=Path, help=f"settings of every process, NAME=value on each line; with --systemd {SETTINGS}"
    )
    parser.add_argument("--migrator-env-file", type=Path, help="beside, for migrate alone; with --systemd units say it")
    parser.add_argument(
        "--serve-options", type=shlex.split, default="", help="more of payerwatch serve: --serve-options='--workers 4'"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    switch = commands.add_parser("switch", help="use this build; roll back by itself")
    switch.add_argument("build", help="the name of its directory in releases/")
    switch.add_argument("--watch-seconds", type=_seconds, default=30, help="after the switch, default 30")
    switch.add_argument("--ready-seconds", type=_seconds, default=30, help="it may take to be ready, default 30")
    switch.add_argument(
        "--drain-seconds",
        type=_seconds,
        default=40,
        help="what it has begun may take, default 40; by units, theirs",
    )
    switch.add_argument(
        "--key-file", type=Path, help="holds an API key that may read, for a rehearsal of all that can be read"
    )
    commands.add_parser("status", help="which build is used, and what runs")
    commands.add_parser("finish", help="apply the migrations that were left for when the build before runs no more")
    options = parser.parse_args(arguments)
    if options.systemd and options.env_file is None:
        options.env_file = SETTINGS
    return options


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86400:
        raise argparse.ArgumentTypeError("choose from 0 to 86400 seconds")
    return seconds


def _read_environment(file: Path | None) -> dict[str, str]:
    """Lines as a shell would read them; remarks and empty lines are passed over. Raises ReleaseRefused."""
    if file is None:
        return {}
    lines = enumerate(_read(file).splitlines(), start=1)
    words = [word for number, line in lines for word in _words(line, f"{file}, line {number}")]
    return dict(word.split("=", 1) for word in words if "=" in word)


def _words(line: str, place: str) -> list[str]:
    """Raises ReleaseRefused, which repeats nothing of the line: it may hold a secret."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        raise ReleaseRefused(
            f"{place} cannot be read: a quotation mark is alone, or a backslash is last. Put the value in quotes."
        ) from None


def _read(file: Path) -> str:
    """Raises ReleaseRefused."""
    try:
        return file.read_text()
    except OSError as error:
        raise ReleaseRefused(f"{file} cannot be read: {error.strerror}.") from None


def _say(words: str) -> None:
    """To whoever listens still: that nobody does is no reason not to go back."""
    with suppress(OSError):
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
