"""An installation on a server of the tests' own, served as in production, with clients that keep an account."""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.chaos.clients import Clients
from tests.chaos.ledger import Stored, differences, stored
from tests.chaos.own_server import OwnServer, own_server, wait_for
from tests.journeys.conftest import Installation, assert_cells_are_right
from tests.journeys.serving import UNHINDERED, Served, serving
from tests.wires import Wire

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
MOMENTS = 20 if FULL else 2
FIRST_GOOD_ANSWER = 5.0
SETTLES_WITHIN = 120.0


@dataclass
class Place:
    installation: Installation
    server: OwnServer
    between: Wire
    clients: Clients
    served: Served
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def database(self) -> str:
        return urlsplit(self.server.urls["DATABASE_URL"]).path.lstrip("/")

    def survives(self, name: str, fault: Callable[[], None], *, first_answer: float = FIRST_GOOD_ANSWER) -> None:
        """Let the fault happen at random moments while clients write, and hold their account against what is kept.

        When `fault` returns, all that it took away is back.
        """
        acknowledged, firsts = self.clients.ledger.acknowledged, list[float]()
        self.clients.ledger.slowest = 0
        for _ in range(MOMENTS):
            with self.clients.writing():
                time.sleep(self.chance.uniform(0.2, 1.5))
                fault()
                firsts.append(self.clients.good_answer_within(first_answer))
            if FULL:
                self.is_as_told()
        self.is_as_told()
        assert self.clients.ledger.acknowledged > acknowledged
        sys.stdout.write(
            f"{name}: {len(firsts)} moments, {self.clients.ledger.acknowledged - acknowledged} writes acknowledged, "
            f"first good answer after {max(firsts):.2f} s at most, slowest {self.clients.ledger.slowest:.1f} s\n"
        )

    def is_as_told(self) -> None:
        found = self.settled()
        assert differences(self.clients.ledger, found) == []
        assert_cells_are_right(self.installation)
        verified = self.installation.run("verify_audit", "--json")
        assert verified.code == 0, verified

    def settled(self) -> Stored:
        """What is stored once nothing is left to be done, which the product must come to by itself."""
        return wait_for(self._if_settled, seconds=SETTLES_WITHIN, told=lambda: self._stored().unfinished)

    def _if_settled(self) -> Stored | None:
        found = self._stored()
        return None if found.unfinished else found

    def _stored(self) -> Stored:
        return stored(self.server, self.database)

    # Processes of the product

    def worker(self) -> psutil.Process:
        """The one beside the server."""
        [found] = [each for each in self._children() if "work" in each.cmdline()]
        return found

    def web_processes(self) -> list[psutil.Process]:
        return [each for each in self._children() if "work" not in each.cmdline()]

    def _children(self) -> list[psutil.Process]:
        return psutil.Process(self.served.process.pid).children()


@contextmanager
def placed(directory: Path, *, limits: dict[str, str]) -> Iterator[Place]:
    with own_server() as (server, between):
        kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        environment = kept | server.urls | {"PAYERWATCH_DATA_DIR": str(directory), "PYTHONWARNINGS": "error"} | limits
        environment.pop("PAYERWATCH_CHECKPOINT_DIR", None)
        environment.pop("PAYERWATCH_THROWAWAY", None)
        installation = Installation(environment, directory)
        for arguments in (("migrate", "-v", "0"), ("add_customer", "Practice")):
            done = installation.run(*arguments)
            assert done.code == 0, done
        scopes = ("claims.read", "claims.load", "mappings.manage", "mappings.read")
        key = installation.ask("issue_key", "--name", "Practice system", "--scope", *scopes)["key"]
        with serving(installation, **UNHINDERED) as served:
            yield Place(installation, server, between, Clients(served.port, {"Authorization": f"Bearer {key}"}), served)
