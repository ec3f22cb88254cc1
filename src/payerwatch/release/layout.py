"""Where things are: a directory for each build, and beside them what leads to the one that is used.

releases/BUILD/bin/payerwatch   each build, as it was installed
current -> releases/BUILD       the one that is used, for people and for commands by the clock
http.sock -> run/BUILD.sock     where the proxy asks: it looks at each connection anew
unfinished.json                 the release that is under way, or was when something ended it
left-behind                     builds that cannot live with the tables as they are by now
run/BUILD.sock                  where a build's server listens
run/BUILD.work                  touched by its worker each time that it says it lives

Builds write in run/ and log/ alone, so that none of them can lead the proxy, or whoever releases, elsewhere.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from payerwatch.release.locks import LOOKED_AT_WITHIN, lock, true_within
from payerwatch.release.refusals import ReleaseRefused

BUILD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LONGEST_SOCKET = 107
"""Bytes of an address that the system takes."""


@dataclass(frozen=True)
class Unfinished:
    """A release that was begun."""

    build: str
    before: str | None
    is_kept: bool = False
    """Whether it was found good, and nothing is left but to let the build before end."""


@dataclass(frozen=True)
class Layout:
    root: Path

    def command(self, build: str) -> Path:
        return self.root / "releases" / build / "bin" / "payerwatch"

    def socket(self, build: str) -> Path:
        return self.root / "run" / f"{build}.sock"

    def alive_file(self, build: str) -> Path:
        return self.root / "run" / f"{build}.work"

    def pid_file(self, build: str, part: str) -> Path:
        return self.root / "run" / f"{build}.{part}.pid"

    def log(self, build: str, part: str) -> Path:
        return self.root / "log" / f"{build}.{part}.log"

    @property
    def front(self) -> Path:
        return self.root / "http.sock"

    @property
    def current(self) -> Path:
        return self.root / "current"

    def builds(self) -> list[str]:
        return sorted(each.name for each in (self.root / "releases").glob("*") if BUILD.fullmatch(each.name))

    # Which one is used

    def used(self) -> str | None:
        """The build that the proxy asks; None before the first."""
        try:
            return self.front.readlink().name.removesuffix(".sock")
        except FileNotFoundError:
            return None

    def use(self, build: str | None) -> None:
        """Each name changes in one step: whoever asks finds the one build or the other."""
        if build is None:
            self.front.unlink(missing_ok=True)
            self.current.unlink(missing_ok=True)
            return
        _point(self.front, Path("run") / self.socket(build).name)
        _point(self.current, Path("releases") / build)

    def refuse_unless_there(self, build: str) -> None:
        """Raises ReleaseRefused."""
        if not BUILD.fullmatch(build):
            raise ReleaseRefused("A build's name is of letters, digits and ._-, at most 64.")
        if not os.access(self.command(build), os.X_OK):
            raise ReleaseRefused(f"There is no build {build}: {self.command(build)} cannot be run.")
        if len(os.fsencode(self.socket(build))) > LONGEST_SOCKET:
            raise ReleaseRefused(f"{self.socket(build)} is longer than an address may be. Choose a shorter --root.")
        if build in self.left_behind():
            raise ReleaseRefused(
                f"{build} cannot live with the tables as they are by now. Take the migrations after it back "
                f"(payerwatch migrate APP NAME), and its name out of {self._left_behind}."
            )

    # What is under way

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One release at a time. Raises ReleaseRefused."""
        for each in ("run", "log"):
            (self.root / each).mkdir(mode=0o750, parents=True, exist_ok=True)
        with self._lock.open("w") as held:
            if not true_within(LOOKED_AT_WITHIN, lambda: lock(held, fcntl.LOCK_EX)):
                raise ReleaseRefused("Another release is under way.")
            yield

    @property
    def _lock(self) -> Path:
        return self.root / "release.lock"

    def is_locked(self) -> bool:
        """Whether a release is under way."""
        try:
            with self._lock.open() as file:
                return not lock(file, fcntl.LOCK_SH)
        except FileNotFoundError:
            return False

    @property
    def _unfinished(self) -> Path:
        return self.root / "unfinished.json"

    def unfinished(self) -> Unfinished | None:
        try:
            return Unfinished(**json.loads(self._unfinished.read_text()))
        except FileNotFoundError:
            return None

    def note(self, release: Unfinished | None) -> None:
        """What is under way from now on, for whoever has to take it up."""
        if release is None:
            self._unfinished.unlink(missing_ok=True)
        else:
            _write(self._unfinished, json.dumps(asdict(release)))

    @property
    def _left_behind(self) -> Path:
        return self.root / "left-behind"

    def left_behind(self) -> set[str]:
        return set(self._left_behind.read_text().split()) if self._left_behind.exists() else set()

    def leave_behind(self, builds: Iterable[str]) -> None:
        _write(self._left_behind, "\n".join(sorted(self.left_behind() | set(builds))) + "\n")


def _point(link: Path, target: Path) -> None:
    """Let the link lead there, in one step."""
    beside = link.with_name(f".{link.name}.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)


def _write(file: Path, text: str) -> None:
    """In one step, and kept even where the machine ends at this moment."""
    beside = file.with_name(f".{file.name}.new")
    with beside.open("w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    beside.replace(file)
