"""`docs/`: this documentation, for people, and `schema/`, the same for programs."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from payerwatch.members.door import Admits
from payerwatch.web.api.resource import Gives, Resource
from payerwatch.web.description import pages
from payerwatch.web.description.document import served_at
from payerwatch.web.problems import NotFound

# Nothing runs in these pages, and nothing comes from elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)


class AsIs(BaseRenderer):
    """For negotiation alone: these answers are texts already."""

    def render(self, data: Any, media_type: str | None = None, context: Mapping[str, Any] | None = None) -> Any:
        return data


class Page(AsIs):
    media_type = "text/html"


class Style(AsIs):
    media_type = "text/css"


class Description(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    may: ClassVar = {"show": Admits.ANYONE}
    gives: ClassVar = {"show": Gives(media=("application/json",))}

    def show(self, request: Request) -> HttpResponseBase:
        """The API as OpenAPI 3.1 has it. Clients, tests and other documentation can be made from it."""
        return _text(served_at(_server(request)), "application/json")


class Documentation(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    renderer_classes = [Page, Style]
    may: ClassVar = dict.fromkeys(("show", "style", "errors", "error"), Admits.ANYONE)
    gives: ClassVar = {
        **dict.fromkeys(("show", "errors", "error"), Gives(media=(Page.media_type,))),
        "style": Gives(media=(Style.media_type,)),
    }
    refuses: ClassVar = {"error": [NotFound]}

    def show(self, request: Request) -> HttpResponseBase:
        """The reference: every operation with its parameters, bodies, examples and errors."""
        return _text(pages.reference(_server(request)), Page.media_type)

    def style(self, request: Request) -> HttpResponseBase:
        """How these pages look."""
        return _text(pages.style(), Style.media_type)

    def errors(self, request: Request) -> HttpResponseBase:
        """Every code of an error, with its status and meaning."""
        return _text(pages.errors(), Page.media_type)

    def error(self, request: Request, code: str) -> HttpResponseBase:
        """One code: what it means, what to do, and which operations answer it."""
        return _text(pages.error(code), Page.media_type)


def _server(request: Request) -> str:
    return f"{request.scheme}://{request._request.get_host()}"


def _text(text: str, media_type: str) -> HttpResponseBase:
    """It speaks of no customer, so that caches may keep it and ask again."""
    answer = HttpResponse(text, content_type=f"{media_type}; charset=utf-8")
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return answer
