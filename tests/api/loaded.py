"""One practice whose claims came by the product's own commands, and a key that may do whatever keys may."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payerwatch.members.keys import issue_key
from payerwatch.members.roles import SCOPES
from payerwatch.tenancy.models import Customer
from tests.api.world import Answer, Headers, ask, bearer, matching
from tests.make import ACTOR
from tests.make import customer as make_customer

Work = Callable[[], None]


@dataclass(frozen=True)
class Loaded:
    customer: Customer
    headers: Headers

    def ask(self, method: str, route: str, body: Any = None, **query: str) -> Answer:
        """What changes something says that it has read it."""
        path = f"/api/v1/{route}"
        headers = self.headers if method in ("GET", "POST") else matching(self.headers, path)
        return ask(headers, method, path, query=query, body=body)

    def get(self, route: str, **query: str) -> Any:
        """The document of an answer that must succeed."""
        answer = self.ask("GET", route, **query)
        assert answer.status == 200, answer
        return answer.document


def loaded(name: str = "Practice", *scopes: str) -> Loaded:
    customer = make_customer(name)
    key = issue_key(customer, name="tests", scopes=scopes or SCOPES, actor=ACTOR)
    return Loaded(customer, bearer(key.text))
