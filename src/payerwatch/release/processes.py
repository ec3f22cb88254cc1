"""The server and the worker of a build, as processes that outlast this one; or as units of systemd."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from payerwatch.release.layout import Layout, ReleaseRefused

WEB, WORK = "web", "work"
PARTS = (WEB, WORK)


class Processes(Protocol):
    def start(self, build: str, part: str) -> None:
        """Nothing where it runs already."""

    def stop(self, build: str, part: str, *, within: float) -> None:
        """Let it finish what it has begun; after so many seconds end it all the same."""

    def runs(self, build: str, part: str) -> bool: ...


@dataclass(frozen=True)
class Detached:
    """Processes of their own, known by a file with their number and the moment at which they began."""

    layout: Layout
    environment: Mapping[str, str]
    server: tuple[str, ...] = ()
    """More options of `serve`."""

    def start(self, build: str, part: str) -> None:
        if self.runs(build, part):
            return
        with self.layout.log(build, part).open("ab") as log:
            process = subprocess.Popen(
                [str(self.layout.command(build)), *self._options(build, part)],
                env=environment_of(build, self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.layout.pid_file(build, part).write_text(f"{process.pid} {_begun_at(process.pid)}\n")

    def _options(self, build: str, part: str) -> list[str]:
        if part == WORK:
            return ["work", "--alive-file", str(self.layout.alive_file(build))]
        return ["serve", "--no-work", "--bind", f"unix:{self.layout.socket(build)}", *self.server]

    def stop(self, build: str, part: str, *, within: float) -> None:
        pid = self._pid(build, part)
        if pid is not None:
            _end(pid, within)
        self.layout.pid_file(build, part).unlink(missing_ok=True)

    def runs(self, build: str, part: str) -> bool:
        return self._pid(build, part) is not None

    def _pid(self, build: str, part: str) -> int | None:
        """Of the process that was started; a number that another has by now is not its."""
        try:
            pid, begun_at = self.layout.pid_file(build, part).read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if begun_at != "" and _begun_at(int(pid)) == begun_at else None


@dataclass(frozen=True)
class Units:
    """`payerwatch-web@BUILD` and `payerwatch-work@BUILD`, which systemd starts again when they end."""

    def start(self, build: str, part: str) -> None:
        _systemctl("start", f"payerwatch-{part}@{build}")

    def stop(self, build: str, part: str, *, within: float) -> None:  # noqa: ARG002
        _systemctl("stop", f"payerwatch-{part}@{build}")

    def runs(self, build: str, part: str) -> bool:
        asked = ["systemctl", "is-active", "--quiet", f"payerwatch-{part}@{build}"]
        return subprocess.run(asked, check=False).returncode == 0


def environment_of(build: str, given: Mapping[str, str]) -> dict[str, str]:
    return {**given, "PAYERWATCH_BUILD": build}


def _systemctl(verb: str, unit: str) -> None:
    done = subprocess.run(["systemctl", verb, unit], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ReleaseRefused(f"systemctl {verb} {unit}: {done.stderr.strip()}")


def _begun_at(pid: int) -> str:
    """In clock ticks since the machine began, as the system tells it; empty where there is no such process."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if told[0] == "Z" else told[19]


def _end(pid: int, within: float) -> None:
    """The process and, where it does not end by itself, all that it has started."""
    begun_at = _begun_at(pid)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + within
    while begun_at and _begun_at(pid) == begun_at:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            return
        time.sleep(0.05)
