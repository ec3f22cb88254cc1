"""Every way in which the API can be asked: each operation, and each listing by every filter, order and next page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.api.asking import Asker, Request
from tests.api.fixtures import QUERIES, value
from tests.api.role_table import may_reach
from tests.api.routes import Endpoint, endpoints
from tests.api.world import Answer, Headers, World, ask

_LOOKS_AT_ME = "/api/v1/me/"
# What needs a secret that was mailed, or an authenticator, which nobody here has.
REFUSED = frozenset(
    {
        "POST auth/password-reset/confirm/",
        "POST auth/invitation/",
        "DELETE me/sessions/<public_id>/",
        "DELETE me/second-factor/",
        "POST me/second-factor/confirm/",
        "POST me/recovery-codes/",
    }
)


@dataclass(frozen=True)
class Operation:
    """One way to ask. `query` holds values as they are sent, or in their place what makes them: see `fixtures`."""

    endpoint: Endpoint
    query: Mapping[str, Any]
    further: bool = False
    """Whether it asks for the page after the first."""

    @property
    def name(self) -> str:
        """As the stored counts call it: `GET claims/?payer` where the value is one of the practice's own."""
        said = [name if name != "order" else f"order={order}" for name, order in self.query.items()]
        words = "&".join([*said, *(["cursor"] if self.further else [])])
        return f"{self.endpoint.name}?{words}" if words else self.endpoint.name


def operations() -> Iterator[Operation]:
    """What answers GET answers HEAD as well, so that it is left out; so is what a listing's page size changes."""
    for endpoint in endpoints():
        if endpoint.method == "HEAD" and endpoint.action != "progress":
            continue
        yield Operation(endpoint, required(endpoint))
        if endpoint.in_pages:
            yield from (Operation(endpoint, query) for query in _otherwise(endpoint))
            yield Operation(endpoint, {}, further=True)


def required(endpoint: Endpoint) -> Mapping[str, Any]:
    """The parameters of what is asked by GET, and is no listing."""
    return QUERIES.get(endpoint.key, {}) if endpoint.method == "GET" and not endpoint.in_pages else {}


def _otherwise(endpoint: Endpoint) -> Iterator[Mapping[str, Any]]:
    """A listing by each filter, in each order but the usual one, and counted."""
    yield from ({name: spec} for name, spec in QUERIES.get(endpoint.key, {}).items())
    yield from ({"order": order} for order in list(endpoint.view.orders)[1:])
    yield {"count": "true"}


class Practised(Asker):
    """Asks as an owner who was seen a moment ago, or as nobody where an owner may not ask."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._reader: Headers = {}

    def prepared(self, operation: Operation) -> tuple[Headers, Request]:
        """Who asks, and what. All that the request needs is there then, and nothing of it was asked yet."""
        endpoint, headers = operation.endpoint, self._headers(operation.endpoint)
        query = {name: str(value(spec, self.world)) for name, spec in operation.query.items()}
        request = self.plain(endpoint)
        if operation.further:
            query = self._further(endpoint, headers, Request(request.path, query | {"page_size": "1"}))
        return headers, Request(request.path, query, request.body)

    def _headers(self, endpoint: Endpoint) -> Headers:
        """Whoever only reads is the same each time."""
        if not may_reach(endpoint.key, "owner"):
            return self.world.headers("anonymous")
        if endpoint.method == "GET" and self._reader:
            return self._reader
        headers = self.world.headers("owner")
        ask(headers, "GET", _LOOKS_AT_ME)
        self._reader = self._reader or headers
        return headers

    def _further(self, endpoint: Endpoint, headers: Headers, first: Request) -> Mapping[str, str]:
        """What asks for the second page; for the first again, where there is one alone."""
        shown = self.ask(endpoint, headers, first)
        assert shown.status == 200, (endpoint.name, first, shown)
        link = shown.document["next"]
        return dict(first.query) | ({"cursor": parse_qs(urlsplit(link).query)["cursor"][0]} if link else {})


def answered(world: World, operation: Operation) -> Answer:
    practised = Practised(world)
    headers, request = practised.prepared(operation)
    return practised.ask(operation.endpoint, headers, request)
