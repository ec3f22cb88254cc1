"""The API's own address: what there is, and by which methods it is asked."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

from django.urls import URLPattern
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.door import Admits
from payerwatch.web.api.resource import Gives, Resource

_PARAMETER = re.compile(r"<\w+:\w+>")


class RouteBody(serializers.Serializer):
    address = serializers.CharField()
    methods = serializers.ListField(child=serializers.CharField())


class IndexBody(serializers.Serializer):
    documentation = serializers.CharField(help_text="where the API is described")
    routes = serializers.DictField(child=RouteBody(), help_text="by name")


class Index(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    may: ClassVar = {"show": Admits.ANYONE}
    gives: ClassVar = {"show": Gives(IndexBody)}
    routes: Sequence[URLPattern] = ()
    """Of all that is beside this address."""

    def show(self, request: Request) -> Response:
        """List all routes and the methods there are."""
        named = (_named(request.path, each) for each in self.routes)
        return self.answer({"documentation": request.path + "docs/", "routes": dict(named)})


def _named(base: str, route: URLPattern) -> tuple[str, dict[str, Any]]:
    """`claims/<id>/` by the name `claims.one`."""
    text, view = str(route.pattern), cast("Any", route.callback)
    name = _PARAMETER.sub("one", text).strip("/").replace("/", ".")
    address = base + _PARAMETER.sub("{id}", text.replace("<str:code>", "{code}"))
    return name, {"address": address, "methods": _methods(view.actions)}


def _methods(actions: Iterable[str]) -> list[str]:
    """Where there is GET, it is understood that there is HEAD."""
    methods = {method.upper() for method in actions}
    return sorted(methods - {"HEAD"} if "GET" in methods else methods)
