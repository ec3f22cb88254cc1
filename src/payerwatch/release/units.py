"""The server and the worker of a build as units of systemd, which starts them again when they end or the machine does.

`payerwatch-web@BUILD`, `payerwatch-work@BUILD` and, for the time it takes, `payerwatch-migrate@BUILD` or
`payerwatch-migrate-all@BUILD`; deploy/systemd has them. They run as a user without rights, whoever releases.
"""

import subprocess
from dataclasses import dataclass

from payerwatch.release.layout import Layout
from payerwatch.release.processes import WORK
from payerwatch.release.refusals import ReleaseRefused, Trouble

PORTS = (9464, 9465)
"""Where the workers of two builds tell their metrics, as they run beside each other for a while."""


@dataclass(frozen=True)
class Units:
    layout: Layout

    def migrate(self, build: str, *, before: bool) -> None:
        unit = f"payerwatch-migrate{'' if before else '-all'}@{build}"
        if _systemctl("start", unit):
            raise ReleaseRefused(f"Migrating failed, and nothing else was begun: journalctl --unit {unit}")

    def start(self, build: str, part: str) -> None:
        if part == WORK and not self.runs(build, part):
            self._give_port(build)
        if said := _systemctl("enable", "--now", _unit(build, part)):
            raise Trouble(f"systemd does not start it: {said}")

    def stop(self, build: str, part: str, *, within: float) -> None:  # noqa: ARG002 - the unit says how long it may take
        _systemctl("disable", "--now", _unit(build, part))

    def runs(self, build: str, part: str) -> bool:
        return not _systemctl("is-active", _unit(build, part))

    def where_told(self, build: str, part: str) -> str:
        return f"See: journalctl --unit {_unit(build, part)}"

    def _give_port(self, build: str) -> None:
        """One that the worker of no other build has."""
        files = {each: self.layout.root / "releases" / each / "unit.env" for each in self.layout.builds()}
        taken = {file.read_text() for each, file in files.items() if file.exists() and self.runs(each, WORK)}
        told = [f"WORK_METRICS=127.0.0.1:{port}\n" for port in PORTS]
        files[build].write_text(next((each for each in told if each not in taken), told[0]))


def _unit(build: str, part: str) -> str:
    return f"payerwatch-{part}@{build}"


def _systemctl(*arguments: str) -> str:
    """What it says where it does not do so; nothing where it does."""
    done = subprocess.run(["systemctl", *arguments], check=False, capture_output=True, text=True)
    return (done.stderr or done.stdout).strip() or "it says nothing" if done.returncode else ""
