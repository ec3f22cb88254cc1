"""One release: from the build that is used to another, or back to it.

    1  apply the migrations that the build before can live with
    2  start the new server and worker, and wait until they are ready
    3  rehearse: what may be read is asked of both builds
    4  switch: from now on the proxy asks the new build
    5  watch; the build before runs beside it, and could take over at once
    6  drain: the build before finishes what it has begun, and ends

Whatever goes wrong from 2 to 5, or ends this program in an orderly way, leads back: the proxy asks the build before,
and the new one ends. What was written meanwhile is kept, as both builds live with the same tables.
"""

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from payerwatch.release.layout import Layout, ReleaseRefused
from payerwatch.release.processes import PARTS, WEB, WORK, Processes, environment_of
from payerwatch.release.watching import Trouble, Watcher

SETTLES = 0.5
"""Seconds after the switch in which connections to the build before, that were made just then, are taken in."""


class Result(Enum):
    SWITCHED = "switched"
    ROLLED_BACK = "rolled back"


@dataclass
class Release:
    layout: Layout
    processes: Processes
    environment: Mapping[str, str]
    migrator: Mapping[str, str]
    """What the command that migrates is told beside: the address of the tables' owner."""
    say: Callable[[str], None] = field(default=print)
    watch_seconds: float = 30.0
    ready_within: float = 30.0
    migrate_within: float = 3600.0
    drain_within: float = 40.0
    key: str = ""
    metrics_token: str = ""

    def switch(self, build: str) -> Result:
        """Raises ReleaseRefused where nothing was begun."""
        self.layout.refuse_unless_there(build)
        with self.layout.locked():
            before = self.layout.used()
            if before == build and self.processes.runs(build, WEB):
                raise ReleaseRefused(f"{build} is the build that is used.")
            self._migrate(build)
            try:
                self._try(build, before)
            except Trouble as trouble:
                self.say(f"{build} is no good: {trouble}")
                self._go_back(build, before)
                return Result.ROLLED_BACK
            except BaseException:
                self._go_back(build, before)
                raise
            self._drain(before)
            self.say(f"{build} is used now.")
            return Result.SWITCHED

    def _migrate(self, build: str) -> None:
        """Raises ReleaseRefused. The build before runs on what there is, whether or not all of it was applied."""
        self.say("Applying the migrations that the build before can live with.")
        command = [str(self.layout.command(build)), "migrate", "--before", "-v", "0"]
        environment = environment_of(build, {**self.environment, **self.migrator})
        try:
            done = subprocess.run(
                command, env=environment, timeout=self.migrate_within, capture_output=True, text=True, check=False
            )
        except subprocess.TimeoutExpired:
            raise ReleaseRefused(f"Migrating took more than {self.migrate_within:.0f} seconds.") from None
        if done.returncode:
            raise ReleaseRefused(f"Migrating failed, and nothing else was begun.\n{done.stderr.strip()}")

    def _try(self, build: str, before: str | None) -> None:
        """Raises Trouble."""
        watcher = Watcher(
            self.layout,
            self.processes,
            build,
            before,
            key=self.key,
            metrics_token=self.metrics_token,
            ready_within=self.ready_within,
        )
        self.say(f"Starting {build}.")
        self.layout.alive_file(build).unlink(missing_ok=True)
        for part in PARTS:
            self.processes.start(build, part)
        watcher.wait_until_ready()
        watcher.rehearse()
        self.layout.use(build)
        self.say(f"The proxy asks {build} now; watching it for {self.watch_seconds:.0f} seconds.")
        watcher.watch(self.watch_seconds)

    def _go_back(self, build: str, before: str | None) -> None:
        if before is not None:
            for part in PARTS:  # which run, unless somebody has ended them meanwhile
                self.processes.start(before, part)
            self.layout.use(before)
            self.say(f"The proxy asks {before} again.")
            time.sleep(SETTLES)
        for part in PARTS:
            self.processes.stop(build, part, within=self.drain_within)

    def _drain(self, before: str | None) -> None:
        if before is None:
            return
        self.say(f"Letting {before} finish what it has begun.")
        time.sleep(SETTLES)
        for part in (WORK, WEB):
            self.processes.stop(before, part, within=self.drain_within)
