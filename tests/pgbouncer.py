"""A real PgBouncer in transaction mode before the tests' server, reached by a unix socket."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest

UNPACKED = Path(__file__).parents[1] / ".venv" / "pgbouncer"  # by scripts/get_program.sh
PORT = 6432
STARTED_WITHIN, ENDED_WITHIN = 60, 60
CONFIGURATION = """
[databases]
* = host={host} port={port}

[pgbouncer]
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
listen_addr =
listen_port = {own_port}
unix_socket_dir = {home}
auth_type = trust
auth_file = {home}/users
logfile = {home}/pgbouncer.log
"""


@contextmanager
def pgbouncer(url: str, *, connections: int = 5) -> Iterator[str]:
    """The address of the same database and role through it. It has so many connections to the server for all."""
    program = _program()
    if program is None:
        pytest.skip("PgBouncer was not found: neither installed nor unpacked by scripts/get_program.sh")
    parts = urlsplit(url)
    host = unquote(parts.hostname or "localhost")
    home = Path(tempfile.mkdtemp(prefix="payerwatch-pgbouncer-", dir="/tmp"))
    try:
        filled = CONFIGURATION.format(
            host=host, port=parts.port or 5432, connections=connections, own_port=PORT, home=home
        )
        (home / "pgbouncer.ini").write_text(filled)
        (home / "users").write_text(f'"{unquote(parts.username or "")}" "{unquote(parts.password or "")}"\n')
        shutil.copytree(UNPACKED, home / "programs", symlinks=True)
        through = parts._replace(netloc=f"{parts.username}:{parts.password}@{quote(str(home), safe='')}:{PORT}")
        with _running(program, home, _owner(host), through.geturl()):
            yield through.geturl()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _program() -> Path | None:
    """One that is installed, else the one unpacked."""
    found = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    return Path(found) if found else next(UNPACKED.glob("usr/sbin/pgbouncer"), None)


def _owner(host: str) -> int | None:
    """Whom it runs as when we are root, as whom it refuses to run: who may enter the server's directory."""
    if os.geteuid() != 0:
        return None
    return (Path(host).stat().st_uid if host.startswith("/") else 0) or 65534


@contextmanager
def _running(program: Path, home: Path, owner: int | None, url: str) -> Iterator[None]:
    if program.is_relative_to(UNPACKED):  # whose directory may be closed to others
        program = home / "programs" / program.relative_to(UNPACKED)
    libraries = ":".join(str(each.parent) for each in (home / "programs").glob("usr/lib/*/libcares.so.2"))
    if owner is not None:
        for each in (home, *home.iterdir()):
            os.chown(each, owner, owner)
    process = subprocess.Popen(
        [program, "-q", home / "pgbouncer.ini"],
        env={"LD_LIBRARY_PATH": libraries},
        user=owner,
        group=owner,
        extra_groups=None if owner is None else [],
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(process, url, home)
        yield
    finally:
        process.terminate()
        process.wait(ENDED_WITHIN)


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, home: Path) -> None:
    deadline = time.monotonic() + STARTED_WITHIN
    while True:
        with suppress(psycopg.OperationalError):
            return psycopg.connect(url).close()
        log = home / "pgbouncer.log"
        said = log.read_text() if log.exists() else ""
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
