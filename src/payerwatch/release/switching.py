"""One release: from the build that is used to another, or back to it.

    1  apply the migrations that the build before can live with
    2  start the new server and worker, and wait until they are ready
    3  rehearse: what may be read is asked of both builds
    4  switch: from now on the proxy asks the new build
    5  watch; the build before runs beside it, and could take over at once
    6  drain: the build before finishes what it has begun, and ends

Whatever goes wrong from 2 to 5, or ends this program, leads back: the proxy asks the build before, and the new one
ends. Where the program was killed, the next one that is run does so first. What was written meanwhile is kept, as both
builds live with the same tables.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from payerwatch.release.asking import Asker
from payerwatch.release.interrupts import undisturbed
from payerwatch.release.layout import Layout, Unfinished
from payerwatch.release.processes import PARTS, WORK, Processes
from payerwatch.release.refusals import NotRehearsed, ReleaseRefused, Trouble
from payerwatch.release.rehearsing import Rehearsal
from payerwatch.release.watching import Watcher

SETTLES = 0.5
"""Seconds after the proxy was led elsewhere in which connections that were made just before are taken in."""
ANSWERS_AGAIN_WITHIN = 20.0
PENDING = "migrations:pending"


class Result(Enum):
    SWITCHED = "switched"
    ROLLED_BACK = "rolled back"


@dataclass
class Release:
    layout: Layout
    processes: Processes
    asker: Asker = field(default_factory=Asker)
    say: Callable[[str], None] = field(default=print)
    watch_seconds: float = 30.0
    ready_within: float = 30.0
    drain_within: float = 40.0
    key: str = ""
    """An API key that may read, for the rehearsal."""
    metrics_token: str = ""

    def switch(self, build: str) -> Result:
        """Raises ReleaseRefused where nothing was begun."""
        self.layout.refuse_unless_there(build)
        with self.layout.locked():
            self._take_up_unfinished()
            used = self.layout.used()
            if used == build and all(self.processes.runs(build, part) for part in PARTS):
                raise ReleaseRefused(f"{build} is the build that is used.")
            before = used if used != build else None
            rehearsal = Rehearsal(self.layout, self.asker, build, before, self.key, self.say)
            if before is not None:
                _refuse_no_key(rehearsal)
            self._migrate(build)
            try:
                self._try(build, before, rehearsal)
            except NotRehearsed as trouble:
                self.say(f"{build} is not used, as it cannot be rehearsed: {trouble}")
                self._go_back(build, before)
                return Result.ROLLED_BACK
            except Trouble as trouble:
                self.say(f"{build} is no good: {trouble}")
                self._go_back(build, before)
                return Result.ROLLED_BACK
            except BaseException:
                self._go_back(build, before)
                raise
            self._keep(build, before)
            return Result.SWITCHED

    def finish(self) -> None:
        """Apply the migrations that were left for when no build before runs. Raises ReleaseRefused."""
        with self.layout.locked():
            used, unfinished = self.layout.used(), self.layout.unfinished()
            if unfinished is not None:
                raise ReleaseRefused(f"The release of {unfinished.build} was interrupted. Switch to a build first.")
            if used is None:
                raise ReleaseRefused("No build is used yet. Switch to one first.")
            others = [each for each in self.layout.builds() if each != used]
            if running := [each for each in others if any(self.processes.runs(each, part) for part in PARTS)]:
                raise ReleaseRefused(f"{', '.join(running)} runs still, and cannot live with what is to be applied.")
            left = self._left_to_migrate(used)
            if left is None:
                raise ReleaseRefused(f"{used} does not say whether migrations are left. Let it answer first.")
            if not left:
                self.say("No migration is left.")
                return
            self.layout.leave_behind(others)
            self.processes.migrate(used, before=False)
            self.say(f"All migrations of {used} are applied. There is no going back to: {', '.join(others) or 'none'}.")

    # The steps

    def _migrate(self, build: str) -> None:
        self.say("Applying the migrations that the build before can live with.")
        self.processes.migrate(build, before=True)

    def _try(self, build: str, before: str | None, rehearsal: Rehearsal) -> None:
        """Raises Trouble."""
        self.layout.note(Unfinished(build, before))
        self.say(f"Starting {build}.")
        self.layout.alive_file(build).unlink(missing_ok=True)
        for part in PARTS:
            self.processes.start(build, part)
        watcher = Watcher(self.layout, self.processes, self.asker, build, before, self.metrics_token)
        watcher.wait_until_ready(self.ready_within)
        self.say(str(rehearsal.hold()))
        self.layout.use(build)
        self.say(f"The proxy asks {build} now; watching it for {self.watch_seconds:.0f} seconds.")
        watcher.watch(self.watch_seconds)

    def _go_back(self, build: str, before: str | None) -> None:
        with undisturbed():
            if before is not None:
                self._let_answer(before)
            self.layout.use(before)
            self.say(f"The proxy asks {before} again." if before else "The proxy has nobody to ask.")
            time.sleep(SETTLES)
            self._end(build)
            self.layout.note(None)
            if before is not None and (found := self.asker.build_at(self.layout.front)) != before:
                self.say(f"Where the proxy asks, build {found!r} answers, and not {before}. See to it.")

    def _let_answer(self, build: str) -> None:
        """It runs, unless somebody has ended it meanwhile."""
        with suppress(Trouble):
            for part in PARTS:
                self.processes.start(build, part)
        deadline = time.monotonic() + ANSWERS_AGAIN_WITHIN
        while self.asker.build_at(self.layout.socket(build)) != build and time.monotonic() < deadline:
            time.sleep(0.1)

    def _keep(self, build: str, before: str | None) -> None:
        with undisturbed():
            self.layout.note(Unfinished(build, before, is_kept=True))
            if before is not None:
                self.say(f"Letting {before} finish what it has begun.")
                time.sleep(SETTLES)
                self._end(before)
            self.layout.note(None)
            self.say(f"{build} is used now.")
            left = self._left_to_migrate(build)
            if left is None:
                self.say(f"{build} does not say whether migrations are left. To look again: payerwatch-release finish")
            elif left:
                self.say(f"{left} migrations are left for when {before} is not gone back to: payerwatch-release finish")

    def _take_up_unfinished(self) -> None:
        """What a release left that was killed."""
        release = self.layout.unfinished()
        if release is None:
            return
        self.say(f"The release of {release.build} was interrupted.")
        if release.is_kept:
            self._keep(release.build, release.before)
        else:
            self._go_back(release.build, release.before)

    def _end(self, build: str) -> None:
        """The worker first: what it has not finished others take up."""
        for part in (WORK, *(each for each in PARTS if each != WORK)):
            self.processes.stop(build, part, within=self.drain_within)

    def _left_to_migrate(self, build: str) -> int | None:
        """None where it is not known: the build does not answer, or cannot say."""
        checks = self.asker.health(self.layout.socket(build)).get("checks", {})
        [found, *_] = checks.get(PENDING) or [{}]
        number = found.get("observedValue")
        return None if number is None else int(number)


def _refuse_no_key(rehearsal: Rehearsal) -> None:
    """While nothing was begun. Raises ReleaseRefused."""
    try:
        rehearsal.try_key()
    except NotRehearsed as reason:
        raise ReleaseRefused(str(reason)) from None
