"""Two customers who ask at once over few connections: what each is told is what it was told alone."""

import os
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.journeys.conftest import Installation, copy_of
from tests.journeys.serving import UNHINDERED, Answer, Served, bearer, serving
from tests.make import claims_file, denied, row
from tests.pgbouncer import pgbouncer

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
FEW = 300
REQUESTS = 10_000 if FULL else FEW
CONNECTIONS, THREADS, CLIENTS = 5, 16, 16
KEEPING = {"DJANGO_SETTINGS_MODULE": "tests.journeys.keeping_settings", "PYTHONPATH": str(Path(__file__).parents[2])}
OF_THE_THROTTLE = 4  # connections beside those
API = "/api/v1/"
STEADY = (
    *("claims/", "claims/?page_size=3", "claims/payer_summary/", "uploads/", "uploads/stats/", "settings/"),
    *("drift-events/", "drift-runs/", "customers/"),
)
"""What nobody changes meanwhile."""
REFUSED = ("claims/?page_size=no", "nothing/", "members/")
MOVING = ("audit-entries/", "payer-mappings/?page_size=100", "payers/")
"""What both change for themselves, by mapping spellings."""
SCOPES = ("claims.read", "events.read", "mappings.read", "mappings.manage", "audit.read", "customer.read")


class Request(NamedTuple):
    method: str
    path: str
    body: Any = None


@dataclass
class Practice:
    """One of the two: its name is a part of all that it has."""

    name: str
    headers: dict[str, str]
    steady: list[Request]
    alone: dict[Request, bytes] = field(default_factory=dict)

    def request(self, number: int, chance: random.Random) -> Request:
        if chance.random() < 0.2:
            spelling = {"raw_name": f"{self.name} spelling {number}", "payer": f"{self.name} Payer 0"}
            return Request("POST", "payer-mappings/", spelling)
        return chance.choice([*self.steady, *(Request("GET", path) for path in MOVING)])


@pytest.fixture(scope="module")
def installation(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("mixed")
    with copy_of(migrated, folder) as copy:
        for name, claims in (("Northern", 40), ("Southern", 70)):
            assert copy.run("add_customer", name).code == 0
            kinds = [(row, denied)[number % 2] for number in range(claims)]
            rows = [kind(number=f"{name}{n}", payer=f"{name} Payer {n % 4}") for n, kind in enumerate(kinds)]
            copy.ask("load", claims_file(folder, rows, name=f"{name}.csv"), customer=name)
        yield copy


def practices(installation: Installation, served: Served) -> list[Practice]:
    """Both, each with what it is told while nobody else asks."""
    found = []
    for name in ("Northern", "Southern"):
        issued = installation.ask("issue_key", "--name", f"{name} key", "--scope", *SCOPES, customer=name)
        found.append(Practice(name, bearer(issued["key"]) | {"X-Request-ID": "one-of-many"}, []))
    ids = [[each["id"] for each in ask(served, one, "claims/").document["results"]] for one in found]
    for one, own, others in zip(found, ids, reversed(ids), strict=True):
        named = [f"claims/{each}/" for each in (*own[:3], *others[:3])]
        one.steady += [Request("GET", path) for path in (*STEADY, *named, *REFUSED)]
    return found


def ask(served: Served, practice: Practice, path: str) -> Answer:
    return sent(served, practice, Request("GET", path))


def sent(served: Served, practice: Practice, request: Request) -> Answer:
    method, path, body = request
    return served.ask(method, API + path, body, practice.headers)


def strange(answer: Answer, practice: Practice, request: Request) -> str:
    """What is wrong with an answer; empty where nothing is."""
    other = b"Southern" if practice.name == "Northern" else b"Northern"
    if other in answer.body:
        return "rows of the other"
    refused = request.method == "POST" and answer.status not in (200, 201)
    if refused or answer.status >= 500:
        return f"{request.method} {request.path}: {answer.status} {answer.body[:200]!r}"
    if request in practice.alone and answer.body != practice.alone[request]:
        return f"{request.path}: another answer than alone"
    return ""


def mixed(installation: Installation, served: Served, requests: int) -> Counter[str]:
    """Ask for both at once; what is strange, counted."""
    both = practices(installation, served)
    for one in both:
        told = {request: sent(served, one, request) for request in one.steady}
        assert {told[Request("GET", path)].status for path in STEADY} == {200}
        one.alone = {request: answer.body for request, answer in told.items()}

    def go(number: int) -> str:
        chance = random.Random(number)
        practice = chance.choice(both)
        request = practice.request(number, chance)
        hashable = request if request.body is None else request._replace(body=None)
        return strange(sent(served, practice, request), practice, hashable)

    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(each for each in clients.map(go, range(requests)) if each)


@contextmanager
def served_by_few(installation: Installation, **environment: str) -> Iterator[Served]:
    with serving(
        installation,
        workers=1,
        options=["--no-work", "--threads", str(THREADS)],
        **UNHINDERED,
        **environment,
    ) as served:
        yield served


@contextmanager
def pooled(installation: Installation, **environment: str) -> Iterator[Served]:
    with served_by_few(installation, PAYERWATCH_WEB_CONNECTIONS=str(CONNECTIONS), **environment) as served:
        yield served


@contextmanager
def behind_pgbouncer(installation: Installation, **environment: str) -> Iterator[Served]:
    with pgbouncer(installation.environment["DATABASE_URL"], connections=CONNECTIONS) as url:
        named = {"DATABASE_URL": url, "PAYERWATCH_BEHIND_PGBOUNCER": "yes"}
        with served_by_few(installation, **named, **environment) as served:
            yield served


@pytest.mark.parametrize(("way", "most"), [(pooled, CONNECTIONS + OF_THE_THROTTLE), (behind_pgbouncer, CONNECTIONS)])
def test_over_few_connections_each_is_told_what_is_its_own(installation: Installation, way: Any, most: int):
    with way(installation) as served:
        assert mixed(installation, served, REQUESTS) == {}
        assert 0 < installation.connected() <= most


@pytest.mark.parametrize("way", [pooled, behind_pgbouncer])
def test_a_connection_that_kept_a_customer_would_be_seen(installation: Installation, way: Any):
    """The control: with the filter off and connections that keep a customer, the same requests do show others' rows."""
    with way(installation, **KEEPING) as served:
        assert mixed(installation, served, FEW)["rows of the other"] > FEW // 20
