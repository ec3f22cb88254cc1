"""Every route of the API, read from the URL resolver: what can be asked, and which view and action answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from payerwatch.members.door import Admits
from payerwatch.members.roles import Permission
from payerwatch.web.api.resource import Listed

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Parameters that name nothing of a customer, and a value that there is.
OF_NOBODY = {"code": "not_found"}
_OTHERWISE = {"ResumableUploads": "half_sent_upload", "IngestClaims": "batch"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class NotAResource(Exception):
    """A route leads to a view that the crawl cannot look into."""

    def __init__(self, route: str) -> None:
        super().__init__(f"{route} is answered by no resource: write it as one, so that the crawl can cover it.")


@dataclass(frozen=True)
class Endpoint:
    """One method of one route. `name` is how tests and findings speak of it: `GET members/<public_id>/`."""

    route: str
    method: str
    action: str
    view: Any

    @property
    def name(self) -> str:
        return f"{self.method} {self.route.removeprefix('api/v1/').replace('<str:', '<')}"

    @property
    def key(self) -> str:
        """The view and its action, by which fixtures are registered: `Members.retrieve`."""
        return f"{self.resource}.{self.action}"

    @property
    def resource(self) -> str:
        """The view's name; a view that leaks on purpose goes by the name of the one it was made from."""
        return str(getattr(self.view, "stands_for", self.view.__name__))

    @property
    def thing(self) -> str:
        """What its address names, as `makers` call it: slices are added to a file that is not all here."""
        return _OTHERWISE.get(self.resource, str(self.view.thing))

    @property
    def needs(self) -> Permission | Admits | None:
        return self.view.may.get(self.action)

    @property
    def parameters(self) -> list[str]:
        """Those that name a thing of a customer."""
        return [each for each in _PARAMETER.findall(self.route) if each not in OF_NOBODY]

    @property
    def filters(self) -> dict[str, Any]:
        """The query's filters, of a listing."""
        if not self.in_pages:
            return {}
        return dict(getattr(getattr(self.view, "filterset_class", None), "base_filters", {}))

    @property
    def in_pages(self) -> bool:
        """Whether it lists by pages with cursors."""
        return self.method == "GET" and self.action == "list" and issubclass(self.view, Listed)

    def path(self, **ids: str) -> str:
        return "/" + _PARAMETER.sub(lambda found: {**OF_NOBODY, **ids}[found[1]], self.route)


def endpoints(urlconf: Any = None) -> list[Endpoint]:
    """Each route with each of its methods; a `get` answers HEAD too."""
    found = []
    for route, pattern in _patterns(get_resolver(urlconf)):
        actions = getattr(pattern.callback, "actions", None)
        view = getattr(pattern.callback, "cls", None)
        if actions is None or view is None:
            raise NotAResource(route)
        offered = dict(actions)
        if "get" in offered:
            offered.setdefault("head", offered["get"])
        found += [Endpoint(route, method.upper(), action, view) for method, action in offered.items()]
    return found


def _patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _patterns(each, route)
        else:
            yield route, each
