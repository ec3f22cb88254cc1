"""Where things are: a directory for each build, and beside them what points to the one that is used.

releases/BUILD/bin/payerwatch   each build, as it was installed
current -> releases/BUILD       the one that is used, for people and for commands by the clock
run/BUILD.sock                  where its server listens
run/http.sock -> BUILD.sock     where the proxy asks: it looks at each connection anew
run/BUILD.work                  touched by its worker each time that it says it lives
log/                            what they say
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUILD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


class ReleaseRefused(Exception):
    """Nothing was changed, and the words say why."""


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
        return self.root / "run" / "http.sock"

    @property
    def current(self) -> Path:
        return self.root / "current"

    def used(self) -> str | None:
        """The build that the proxy asks; None before the first."""
        try:
            return self.front.readlink().name.removesuffix(".sock")
        except FileNotFoundError:
            return None

    def use(self, build: str) -> None:
        """Both names change in one step each: whoever asks finds the one build or the other."""
        point(self.front, Path(self.socket(build).name))
        point(self.current, Path("releases") / build)

    def refuse_unless_there(self, build: str) -> None:
        """Raises ReleaseRefused."""
        if not BUILD.fullmatch(build):
            raise ReleaseRefused("A build's name is of letters, digits and ._+-, at most 64.")
        if not os.access(self.command(build), os.X_OK):
            raise ReleaseRefused(f"There is no build {build}: {self.command(build)} cannot be run.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One release at a time. Raises ReleaseRefused."""
        for each in ("run", "log"):
            (self.root / each).mkdir(mode=0o750, parents=True, exist_ok=True)
        with (self.root / "run" / "release.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ReleaseRefused("Another release is under way.") from None
            yield


def point(link: Path, target: Path) -> None:
    """Let the link lead there, in one step."""
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)
