"""The server and the worker of a build, as processes that outlast this one."""

import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from payerwatch.release.last_words import last_words
from payerwatch.release.layout import Layout
from payerwatch.release.locks import LOOKED_AT_WITHIN, lock, true_within
from payerwatch.release.refusals import ReleaseRefused

WEB, WORK = "web", "work"
PARTS = (WEB, WORK)
ENDS_WHEN_KILLED_WITHIN = 5.0
_RUN = 'echo $$ >"$0"; exec "$@"'


class Processes(Protocol):
    def migrate(self, build: str, *, before: bool) -> None:
        """Apply what the build before can live with; else all of it. Raises ReleaseRefused."""

    def start(self, build: str, part: str) -> None:
        """Nothing where it runs already. Raises Trouble."""

    def stop(self, build: str, part: str, *, within: float) -> None:
        """Let it finish what it has begun; after so many seconds end it all the same."""

    def runs(self, build: str, part: str) -> bool: ...

    def where_told(self, build: str, part: str) -> str:
        """Where to read what it has said, and what that is in the end, if it is known: sentences."""


@dataclass(frozen=True)
class Detached:
    """Processes of their own. Each holds a lock on the file with its number, which none can outlive or forget.

    The lock is taken before the process begins and handed down to it, and the process itself writes its number: at
    whatever moment the one that releases is ended, the next one knows what runs.
    """

    layout: Layout
    environment: Mapping[str, str]
    migrator: Mapping[str, str] = field(default_factory=dict)
    """What the command that migrates is told beside: the address of the tables' owner."""
    server: tuple[str, ...] = ()
    """More options of `serve`."""
    migrate_within: float = 3600.0

    def migrate(self, build: str, *, before: bool) -> None:
        command = [str(self.layout.command(build)), "migrate", "-v", "0", *(["--before"] if before else [])]
        environment = {**self._environment(build), **self.migrator}
        try:
            done = subprocess.run(
                command, env=environment, timeout=self.migrate_within, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            raise ReleaseRefused(f"Migrating took more than {self.migrate_within:.0f} seconds.") from None
        if done.returncode:
            raise ReleaseRefused(f"Migrating failed, and nothing else was begun.\n{done.stderr.strip()}")

    def start(self, build: str, part: str) -> None:
        file = self.layout.pid_file(build, part)
        with file.open("a+") as held, self.layout.log(build, part).open("ab") as log:
            if not true_within(LOOKED_AT_WITHIN, lambda: lock(held, fcntl.LOCK_EX)):
                return
            held.truncate(0)
            command = [str(self.layout.command(build)), *self.options(build, part)]
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", _RUN, str(file), *command],
                env=self._environment(build),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[held.fileno()],
                check=True,
            )

    def stop(self, build: str, part: str, *, within: float) -> None:
        if not self.runs(build, part):
            return
        pid = self._pid(build, part)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        if not true_within(within, lambda: not self.runs(build, part)):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            true_within(ENDS_WHEN_KILLED_WITHIN, lambda: not self.runs(build, part))

    def runs(self, build: str, part: str) -> bool:
        """Whether the process does, or any that it has started."""
        try:
            with self.layout.pid_file(build, part).open() as file:
                return not lock(file, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    def where_told(self, build: str, part: str) -> str:
        log = self.layout.log(build, part)
        said = last_words(log) if self._has_said_anything(build, part) else ""
        return f"Its log is {log}" + (f", and ends so:\n{said}" if said else ".")

    def _has_said_anything(self, build: str, part: str) -> bool:
        """Since it was started last: before, its number was written."""
        log, started = self.layout.log(build, part), self.layout.pid_file(build, part)
        try:
            return log.stat().st_mtime_ns >= started.stat().st_mtime_ns
        except FileNotFoundError:
            return False

    def _pid(self, build: str, part: str) -> int:
        """Of what runs: it is also that of the group, which is nobody else's while one of it is there."""
        file = self.layout.pid_file(build, part)
        true_within(2.0, lambda: file.read_text().endswith("\n"))
        return int(file.read_text())

    def options(self, build: str, part: str) -> list[str]:
        if part == WORK:
            return ["work", "--alive-file", str(self.layout.alive_file(build))]
        return ["serve", "--no-work", "--bind", f"unix:{self.layout.socket(build)}", *self.server]

    def _environment(self, build: str) -> dict[str, str]:
        return {**self.environment, "PAYERWATCH_BUILD": build}
