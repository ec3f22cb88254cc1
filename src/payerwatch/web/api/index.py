"""The API's own address: what there is, and by which methods it is asked."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.urls import URLPattern
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.door import Admits
from payerwatch.web.api.resource import Resource


class Index(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    may: ClassVar = {"show": Admits.ANYONE}
    routes: Sequence[URLPattern] = ()
    """Of all that is beside this address."""

    def show(self, request: Request) -> Response:
        named = (_named(request.path, each) for each in self.routes)
        return Response({"documentation": "docs/api.md", "routes": dict(named)})


def _named(base: str, route: URLPattern) -> tuple[str, dict[str, Any]]:
    """`claims/<id>/` by the name `claims.one`."""
    text, view = str(route.pattern), cast("Any", route.callback)
    name = text.replace("<str:public_id>", "one").strip("/").replace("/", ".")
    address = base + text.replace("<str:public_id>", "{id}")
    return name, {"address": address, "methods": sorted({method.upper() for method in view.actions} - {"HEAD"})}
