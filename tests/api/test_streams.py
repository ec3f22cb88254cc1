"""Answers that leave piece by piece: whoever stops to read leaves nothing open behind."""

import io

import pytest
from django.db import connection

from payerwatch.claims import slices
from payerwatch.claims.models import Upload, UploadSlice
from payerwatch.tenancy.context import acting_customer_id, acting_in
from payerwatch.web.wsgi import application
from tests.api.makers import MAKERS
from tests.api.routes import Endpoint, endpoints
from tests.api.world import Headers, World

pytestmark = pytest.mark.django_db(transaction=True)

STREAMED = {
    each.key: each
    for each in endpoints()
    if each.method == "GET" and each.action in each.view.gives and each.view.gives[each.action].streamed
}
PIECES = 3


def address(endpoint: Endpoint, world: World) -> str:
    if not endpoint.parameters:
        return endpoint.path()
    public_id = MAKERS[endpoint.thing](world.own)
    with acting_in(world.own.customer):
        upload, kind = Upload.objects.get(public_id=public_id), UploadSlice.Kind.SET_ASIDE
        slices.drop(upload, kind)
        slices.keep(upload, kind, 0, b"x" * PIECES * slices.SLICE_BYTES)
    return endpoint.path(public_id=public_id)


def begun(path: str, headers: Headers) -> tuple[str, object]:
    """The answer as the server has it before it sends any of it."""
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    answer = application(environ, lambda status, _fields: said.append(status))
    return said[0], answer


@pytest.mark.parametrize("key", STREAMED)
def test_who_breaks_off_leaves_no_customer_entered_and_no_transaction_open(key: str, world: World):
    status, answer = begun(address(STREAMED[key], world), world.headers("owner"))
    assert status == "200 OK"
    pieces = iter(answer)
    for _ in range(PIECES - 1):
        assert next(pieces)
        assert acting_customer_id() is None
        assert not connection.in_atomic_block
    answer.close()
    assert not connection.closed_in_transaction
