"""A PostgreSQL server of the tests' own, which they stop and start, and a wire by which alone it is reached."""

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import psycopg
from with_postgres import Cluster, as_owner, begin_server, installed_programs, new_cluster, roles_of, wait_until_ready

from tests.wires import Wire, wire

KEPT = ("fsync=off", "full_page_writes=off")
"""No power is cut here: what the server wrote is there after any end of its own. What it committed, it has written."""
ENDS_WITHIN = 60


class OwnServer:
    """`urls` lead by the wire, `superuser` past it."""

    def __init__(self, cluster: Cluster, settings: Sequence[str]) -> None:
        self._cluster, self._settings = cluster, settings
        self.urls: dict[str, str] = {}
        self.superuser: dict[str, Any] = cluster.superuser()
        self.start()

    @property
    def log(self) -> str:
        return (self._cluster.home / "server.log").read_text(errors="replace")

    def largest_table(self) -> int:
        """Bytes of the largest file of a table or an index."""
        files = (self._cluster.home / "data" / "base").rglob("*")
        return max(each.stat().st_size for each in files if each.is_file())

    @contextmanager
    def let_no_file_grow_beyond(self, size: int) -> Iterator[None]:
        """As on a disk that is full: what goes beyond is written in part, and then not at all."""
        owner = as_owner(self._cluster.owner)
        limit_files(self.process.pid, size, **owner)
        try:
            yield
        finally:
            limit_files(self.process.pid, None, **owner)

    def start(self) -> None:
        """Until it answers."""
        self.process = begin_server(self._cluster, self._settings)
        wait_until_ready(self.process, self._cluster)

    def stop(self, number: signal.Signals) -> None:
        """SIGQUIT is `pg_ctl stop -m immediate`: no client is told, and nothing is written."""
        self.process.send_signal(number)
        self.process.wait(ENDS_WITHIN)

    def ask(self, statement: str, given: Sequence[Any] | None = None, *, database: str = "") -> list[Any]:
        """As its superuser, past the wire and past row policies."""
        with psycopg.connect(**self.superuser | ({"dbname": database} if database else {}), autocommit=True) as asked:
            cursor = asked.execute(statement, given)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def new_database(self) -> Iterator[dict[str, str]]:
        """The addresses of one more, past the wire."""
        name = f"anew_{len(self.ask('SELECT FROM pg_database'))}"
        self.ask(f"CREATE DATABASE {name} OWNER migrator")
        home = quote(str(self._cluster.home), safe="")
        found = {key: urlsplit(self.urls[key]) for key in ("DATABASE_URL", "MIGRATOR_DATABASE_URL")}
        yield self.urls | {
            key: f"postgresql://{url.username}:{url.password}@{home}:5432/{name}" for key, url in found.items()
        }
        self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(subprocess.TimeoutExpired):
                self.stop(number)
                break


@contextmanager
def own_server(*settings: str) -> Iterator[tuple[OwnServer, Wire]]:
    files = new_cluster(installed_programs(), "--wal-segsize=1")  # MiB: so that tables may be larger
    with files as cluster, wire(lambda: cluster.home / ".s.PGSQL.5432") as between:
        server = OwnServer(cluster, [*KEPT, *settings])
        try:
            server.urls = roles_of(cluster, f"127.0.0.1:{between.port}")
            yield server, between
        finally:
            server.close()


def limit_files(pid: int, size: int | None, **as_whom: Any) -> None:
    """Of a process and of those it has begun, in bytes, or None for no limit; those that it begins follow it."""
    main = psutil.Process(pid)
    for each in (main, *main.children()):
        limit = f"--fsize={'unlimited' if size is None else size}:"
        subprocess.run(["prlimit", "--pid", str(each.pid), limit], check=each is main, capture_output=True, **as_whom)


def wait_for(what: Any, *, seconds: float, told: Any = "") -> Any:
    """What it gives once that is something."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, told() if callable(told) else told
        time.sleep(0.1)
    return found
