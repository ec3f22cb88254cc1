"""An installation on a server of the tests' own, served as in production, with clients that keep an account."""

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psutil

from tests.chaos.clients import Clients
from tests.chaos.ledger import Stored, differences, stored, unfinished
from tests.chaos.own_server import OwnServer, own_server, wait_for
from tests.journeys.conftest import Installation, assert_cells_are_right
from tests.journeys.ports import free_port
from tests.journeys.serving import ENDED_WITHIN, UNHINDERED, Served, begun, wait_until_it_answers
from tests.wires import Wire

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
MOMENTS = 20 if FULL else 2
FIRST_GOOD_ANSWER = 5.0 if FULL else 20.0
"""Seconds. Beside other tests the machine is asked for more than it has, and what takes how long says little."""
SETTLES_WITHIN = 300.0
Judged = dict[str, Any]
SCOPES = ("claims.read", "claims.load", "mappings.manage", "mappings.read")


class Firsts(NamedTuple):
    """Seconds from the return of what was taken away until the first good answer, and the first to a write, came."""

    answer: float
    write: float


@dataclass
class Place:
    installation: Installation
    server: OwnServer
    between: Wire
    clients: Clients
    served: Served
    told: Mapping[str, str]
    """What the served command is told in its environment beside what the installation is."""
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    begins_within: float = 0.0
    """Seconds that the command has taken until it answered, when it was begun last."""

    @property
    def database(self) -> str:
        return urlsplit(self.server.urls["DATABASE_URL"]).path.lstrip("/")

    def survives(
        self,
        name: str,
        fault: Callable[[], None],
        *,
        then: Callable[[], None] = lambda: None,
        held_with_next: bool = False,
    ) -> None:
        """Let the fault happen at random moments while clients write, and hold their account against what is kept.

        When `fault` returns, all that it took away is back; `then` looks on while clients still write. Where time is
        short the account of one fault may be held with that of the next: what is lost or doubled stays so.
        """
        acknowledged, firsts = self.clients.ledger.acknowledged, list[Firsts]()
        self.clients.ledger.slowest = 0
        for _ in range(MOMENTS):
            with self.clients.writing():
                time.sleep(self.chance.uniform(0.2, 1.5))
                fault()
                firsts.append(self._firsts(time.monotonic()))
                then()
            if FULL:
                assert differences(self.clients.ledger, self.settled()) == []
        if FULL:
            self.has_a_whole_record()
        if FULL or not held_with_next:
            self.is_as_told()
        assert self.clients.ledger.acknowledged > acknowledged
        sys.stdout.write(
            f"{name}: {len(firsts)} moments, {self.clients.ledger.acknowledged - acknowledged} writes acknowledged, "
            f"first good answer after {max(each.answer for each in firsts):.2f} s at most, "
            f"first write after {max(each.write for each in firsts):.2f} s, slowest "
            f"{self.clients.ledger.slowest:.1f} s\n"
        )

    def _firsts(self, since: float) -> Firsts:
        """Of those who ask from that moment on, and of those who write; each had to be in time."""
        with ThreadPoolExecutor(2) as pool:
            asked = [
                pool.submit(self.clients.answered_within, FIRST_GOOD_ANSWER, since=since, writes=writes)
                for writes in (False, True)
            ]
            return Firsts(*(each.result() for each in asked))

    def is_as_told(self) -> None:
        found = self.settled()
        assert differences(self.clients.ledger, found) == []
        assert_cells_are_right(self.installation)

    def has_a_whole_record(self) -> None:
        verified = self.installation.run("verify_audit", "--json")
        assert verified.code == 0, verified

    def settled(self) -> Stored:
        """What is stored once nothing is left to be done, which the product must come to by itself."""
        wait_for(lambda: not self._unfinished(), seconds=SETTLES_WITHIN, told=self._unfinished)
        return self._stored()

    def _unfinished(self) -> list[tuple[Any, ...]]:
        return unfinished(self.server, self.database)

    def _stored(self) -> Stored:
        return stored(self.server, self.database)

    def judged(self) -> Judged:
        return _judged(self.installation)

    def judged_anew(self, directory: Path) -> Judged:
        """By an installation that was never disturbed, in the claims that are kept here, as they were brought."""
        kept = self._stored().claims
        with self.server.new_database() as urls:
            directory.mkdir()
            anew = _installed(urls, directory)
            file = directory / "claims.csv"
            file.write_bytes(self._brought(kept))
            anew.ask("load", file, "--date-order", "ymd")
            return _judged(anew)

    def _brought(self, kept: Counter[str]) -> bytes:
        """All that is kept, as one table."""
        brought = self.clients.ledger.brought.values()
        tables = [each.content.split(b"\n", 1) for each in brought if all(number in kept for number in each.claims)]
        [head] = {head for head, _ in tables}
        return b"\n".join([head, *(rows for _, rows in tables)])

    # Processes of the product

    def worker(self) -> psutil.Process:
        """The one beside the server, which is started again when it ends."""
        found: psutil.Process = wait_for(lambda: next(iter(self._children(working=True)), None), seconds=60)
        return found

    def web_processes(self) -> list[psutil.Process]:
        return self._children(working=False)

    def kill_all(self) -> None:
        """As systemd does where the command itself was killed: what it began is killed too."""
        left = psutil.Process(self.served.process.pid).children(recursive=True)
        self.served.process.kill()
        self.served.process.wait()
        for each in left:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(left, timeout=10)

    def end(self) -> None:
        """As whoever restarts it by intent does: what it has begun is finished."""
        self.served.process.terminate()
        self.served.process.wait(ENDED_WITHIN)

    def serve(self, **told: str) -> None:
        """Again, at the same address."""
        began = time.monotonic()
        self.served = begun(self.installation, self.served.port, **self.told, **told)
        wait_until_it_answers(self.served)
        self.begins_within = time.monotonic() - began

    def _children(self, *, working: bool) -> list[psutil.Process]:
        found = []
        for each in psutil.Process(self.served.process.pid).children():
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if ("work" in each.cmdline()) == working:
                    found.append(each)
        return found


@contextmanager
def placed(directory: Path) -> Iterator[Place]:
    with own_server() as (server, between):
        installation = _installed(server.urls, directory)
        key = installation.ask("issue_key", "--name", "Practice system", "--scope", *SCOPES)["key"]
        began = time.monotonic()
        served = begun(installation, free_port(), **UNHINDERED)
        clients = Clients(served.port, {"Authorization": f"Bearer {key}"})
        place = Place(installation, server, between, clients, served, UNHINDERED)
        try:
            wait_until_it_answers(served)
            place.begins_within = time.monotonic() - began
            yield place
        finally:
            place.end()


def _judged(installation: Installation) -> Judged:
    """What a run finds in all claims: of which cells it was made, and the figures of each payer and series."""
    installation.ask("detect")
    runs = [each for each in installation.everything()["drift_driftrun"] if each["data_version"]]
    newest = max(runs, key=lambda each: each["id"])
    return {name: newest[name] for name in ("as_of_week", "data_version", "series_checked", "tests", "nodes")}


def _installed(urls: Mapping[str, str], directory: Path) -> Installation:
    environment = os.environ | urls | {"PAYERWATCH_DATA_DIR": str(directory), "PYTHONWARNINGS": "error"}
    for name in ("DJANGO_SETTINGS_MODULE", "PAYERWATCH_CHECKPOINT_DIR", "PAYERWATCH_THROWAWAY"):
        environment.pop(name, None)
    installation = Installation(environment, directory)
    for arguments in (("migrate", "-v", "0"), ("add_customer", "Practice")):
        done = installation.run(*arguments)
        assert done.code == 0, done
    return installation
