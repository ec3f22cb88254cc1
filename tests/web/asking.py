"""Requests through every middleware, as clients that sign in or do not."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.test import Client

from payerwatch.claims import arrivals
from payerwatch.members.models import Session
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.models import Customer
from tests.api.declared import undeclared
from tests.jobs.caught import catch_steps
from tests.make import customer
from tests.members.credentials import member, session

JSON = "application/json"
ROOT_URLCONF = settings.ROOT_URLCONF
REQUEST_ID = "of-the-tests"  # the same in all requests, so that answers that must be alike are


@dataclass(frozen=True)
class Caller:
    """Sends these headers; without any it is nobody known."""

    customer: Customer | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Any = None, *, content_type: str = JSON, **headers: str) -> Any:
        """Django's answer. Bytes are sent as they are, anything else as JSON; header names have _ for -."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = (
            {"X-Request-ID": REQUEST_ID}
            | self.headers
            | {name.replace("_", "-"): value for name, value in headers.items()}
        )
        client = Client(raise_request_exception=False)
        answer = client.generic(method, path, sent, content_type=content_type if sent else "", headers=named)
        if answer.status_code >= 400 and answer.content and settings.ROOT_URLCONF == ROOT_URLCONF:
            assert undeclared(method, unquote(path.partition("?")[0]), json.loads(answer.content)) == ""
        return answer


NOBODY = Caller()


def owner_of_one(name: str) -> Caller:
    """An owner of a new customer, as a program."""
    own = customer(name)
    started, secret = session(member(own, "owner"), own, Session.Kind.PROGRAM)
    return Caller(own, {"Authorization": f"Bearer {issue_tokens(started, secret).access}"})


@contextmanager
def unhindered() -> Iterator[None]:
    """Throttles and limits that nobody reaches, and no step of the pipeline in a thread of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "MOST_WAITING", 10_000)
        catch_steps(patch, lambda _work: None)
        patch.setattr(settings, "THROTTLES", dict.fromkeys(settings.THROTTLES, "1000/s"))
        yield


def problem_in(answer: Any) -> dict[str, Any]:
    """The document of a refusal, after checking that it has the one shape of errors."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    assert answer.headers["X-Request-ID"]
    assert answer.headers["Cache-Control"] == "no-store"
    document: dict[str, Any] = json.loads(answer.content)
    assert document["status"] == answer.status_code
    assert document["request_id"] == answer.headers["X-Request-ID"]
    assert {"type", "title", "status", "code", "detail", "request_id"} <= set(document) <= {
        *("type", "title", "status", "code", "detail", "fix", "request_id", "errors"),
    }  # fmt: skip
    return document


def but_the_trace(detail: str) -> str:
    """Of an entry of the record. Requests of tests all have the same id, so that each names its trace beside it."""
    return re.sub(r',?"trace":"[0-9a-f]{32}"', "", detail)
