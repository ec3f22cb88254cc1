"""Requests as a caller of the own practice sends them in the ordinary way."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test.client import BOUNDARY, encode_multipart
from rest_framework.serializers import Serializer

from tests.api.fixtures import BODIES, SENT, Sent, filled
from tests.api.makers import MAKERS
from tests.api.routes import Endpoint
from tests.api.world import Answer, Headers, World, ask


@dataclass(frozen=True)
class Request:
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def _in_parts(fields: Mapping[str, Any]) -> bytes:
    """A form with files, which may have been read when it was sent before."""
    for each in fields.values():
        if hasattr(each, "seek"):
            each.seek(0)
    return encode_multipart(BOUNDARY, fields)


class Asker:
    """`asked` counts requests; `fields` are those of the forms that were filled, by view and action."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked = 0
        self.fields: dict[str, set[str]] = {}
        self._endpoint: Endpoint | None = None

    def own_path(self, endpoint: Endpoint) -> str:
        """The address, with the id of a thing made for this request where it has one."""
        if not endpoint.parameters:
            return endpoint.path()
        return endpoint.path(public_id=MAKERS[endpoint.thing](self.world.own))

    def body(self, endpoint: Endpoint) -> dict[str, Any] | None:
        if endpoint.method in {"GET", "HEAD"} or endpoint.key not in BODIES:
            return None
        if endpoint.key in SENT and not SENT[endpoint.key].content_type:
            return None
        return filled(BODIES[endpoint.key], self.world)

    def plain(self, endpoint: Endpoint) -> Request:
        return Request(self.own_path(endpoint), body=self.body(endpoint))

    def ask(self, endpoint: Endpoint, headers: Headers, request: Request) -> Answer:
        self.asked += 1
        self._endpoint = endpoint
        sent, body = SENT.get(endpoint.key, Sent()), request.body
        if sent.content_type and body is not None:
            body = sent.content if sent.content is not None else _in_parts(body)
        known = {"If-Match": "*"} if endpoint.action in endpoint.view.guarded else {}
        return ask(
            {**known, **headers, **sent.headers, **request.headers},
            endpoint.method,
            request.path,
            query=dict(request.query),
            body=body,
            content_type=sent.content_type,
        )

    @contextmanager
    def forms_watched(self) -> Iterator[None]:
        """Note the fields of each form that an action fills from what was sent."""
        usual = Serializer.is_valid

        def noting(form: Serializer, **options: Any) -> bool:
            if self._endpoint is not None:
                writable = {name for name, each in form.fields.items() if not each.read_only}
                self.fields.setdefault(self._endpoint.key, set()).update(writable)
            return usual(form, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Serializer, "is_valid", noting)
            yield
