"""Every problem that a test is answered is one which the operation says that it answers."""

from functools import cache
from typing import Any

from django.conf import settings
from django.urls import Resolver404, resolve

from payerwatch.refusals import code_of
from payerwatch.web.api.catalogue import OF_EVERYTHING, OF_NO_OPERATION, Described, catalogue, codes_of

HEALTH = "/api/v1/health/"


def undeclared(method: str, path: str, document: dict[str, Any]) -> str:
    """What is wrong with a problem as an answer to this request; empty where nothing is.

    Health is told in a document of its own where something fails: as no worker does, where none runs.
    """
    if path == HEALTH and "checks" in document:
        return ""
    known = _catalogue().get(document["code"])
    if known is None:
        return f"{document['code']} is in no catalogue"
    said = (document["type"], document["title"], document["status"])
    if said != (f"{settings.PUBLIC_URL}/api/v1/docs/errors/{known.code}/", known.title, known.status):
        return f"{said} is not what the catalogue says of {known.code}"
    if known.code not in _declared(method, path):
        return f"{method} {path} does not say that it answers {known.code}"
    return ""


@cache
def _catalogue() -> dict[str, Described]:
    return catalogue()


@cache
def _codes(view: Any, action: str, method: str) -> frozenset[str]:
    return frozenset(codes_of(view, action, method))


def _declared(method: str, path: str) -> frozenset[str]:
    outside = frozenset(code_of(each) for each in (*OF_EVERYTHING, *OF_NO_OPERATION))
    try:
        found: Any = resolve(path).func
    except Resolver404:
        return outside
    action = found.actions.get("get" if method == "HEAD" else method.lower())
    return (
        _codes(found.cls, action, method)
        if action
        else outside | {code for each, name in found.actions.items() for code in codes_of(found.cls, name, each)}
    )
