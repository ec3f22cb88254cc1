"""pg_dump and pg_restore: where they are, and running them without letting their words, or a password, be seen."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from psycopg.conninfo import make_conninfo

from payerwatch.backups.refusals import ProgramFailed, ProgramMissing

BLOCK = 1024 * 1024
_OF_DJANGO = {"pool", "isolation_level", "server_side_binding", "assume_role"}
_REASONS = {
    "No space left on device": "a disk is full",
    "could not extend file": "the disk of the database is full",
    "permission denied": "its role may not do that",
    "row-level security": "its role does not see all rows",
    "connection to server": "the database did not answer",
    "terminating connection": "the database ended the connection",
    "already exists": "something of that name was made in the database meanwhile",
    "canceling statement": "a statement took longer than the database lets it",
}


def conninfo(address: dict[str, Any]) -> str:
    """libpq's words for the settings of a connection, without the password, which others on the machine would see."""
    options = {name: value for name, value in address["OPTIONS"].items() if name not in _OF_DJANGO}
    named = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "NAME"}
    return make_conninfo(**options | {word: address[key] for word, key in named.items() if address.get(key)})


def program(name: str, needed: int) -> Path:
    """The oldest that is of this major version or newer. Raises ProgramMissing."""
    versions = {_version(path): path for path in reversed(_found(name))}
    fitting = sorted(version for version in versions if version >= needed)
    if not fitting:
        raise ProgramMissing(name, needed, max(versions, default=None))
    return versions[fitting[0]]


def output_of(name: str, path: Path, arguments: Sequence[str], address: dict[str, Any]) -> Iterator[bytes]:
    """What it writes, in blocks. Raises ProgramFailed at the end of what was not all."""
    with tempfile.TemporaryFile() as said, _started(path, arguments, address, said, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            while block := process.stdout.read(BLOCK):
                yield block
        except GeneratorExit:
            process.kill()
            raise
        if process.wait():
            raise ProgramFailed(name, _reason(said))


def feed(name: str, path: Path, arguments: Sequence[str], address: dict[str, Any], blocks: Iterable[bytes]) -> None:
    """Let it read the blocks, and wait until it is done. Raises ProgramFailed."""
    with tempfile.TemporaryFile() as said, _started(path, arguments, address, said, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            for block in blocks:
                process.stdin.write(block)
            process.stdin.close()
        except BrokenPipeError:
            process.wait()  # it ended before, and says why
        except BaseException:
            process.kill()  # what it began is rolled back
            raise
        if process.wait():
            raise ProgramFailed(name, _reason(said))


def _started(
    path: Path, arguments: Sequence[str], address: dict[str, Any], said: IO[bytes], **pipes: int
) -> subprocess.Popen[bytes]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment = own | {"PGPASSWORD": str(address.get("PASSWORD") or ""), "LC_ALL": "C"}
    command = [str(path), "--no-password", *arguments, "--dbname", conninfo(address)]
    return subprocess.Popen(command, env=environment, stderr=said, **pipes)  # type: ignore[call-overload,no-any-return]


def _reason(said: IO[bytes]) -> str:
    said.seek(0)
    words = said.read(64 * 1024).decode(errors="replace")
    return next((reason for sign, reason in _REASONS.items() if sign in words), "it ended before it was done")


def _found(name: str) -> list[Path]:
    if settings.POSTGRES_PROGRAMS is not None:
        candidates = [settings.POSTGRES_PROGRAMS / name]
    else:
        on_path = shutil.which(name)
        candidates = [*([Path(on_path)] if on_path else []), *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    return [each for each in candidates if os.access(each, os.X_OK)]


def _version(path: Path) -> int:
    """Its major version; 0 where it cannot be run."""
    done = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False)
    told = re.search(r"\) (\d+)", done.stdout)
    return int(told.group(1)) if told else 0
