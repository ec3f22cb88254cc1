"""What answers at an address, and the body it is sent: how long that may be, and reading all of it."""

from functools import lru_cache
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from django.urls import Resolver404, ResolverMatch, get_urlconf, resolve

from payerwatch.members.callers import CallerNotKnown
from payerwatch.members.door_refusals import BodyLate, BodyTooLarge
from payerwatch.members.presented import Presented


def found_at(path: str) -> ResolverMatch | None:
    """What the address leads to, if anything."""
    try:
        return _resolved(path, get_urlconf())
    except Resolver404:
        return None


@lru_cache(maxsize=1024)
def _resolved(path: str, urlconf: str | None) -> ResolverMatch:
    """As every request looks through all routes anew. Raises Resolver404, which is not kept."""
    return resolve(path, urlconf)


def view_of(found: ResolverMatch | None) -> Any:
    """What will answer: a view, or the class a REST view is made of."""
    view: Any = found.func if found else None
    return getattr(view, "cls", view)


def largest_body(method: str, path: str) -> int:
    """How many bytes a request may have there: what the view says of the action, else what any may have."""
    found = found_at(path)
    action = (getattr(found.func, "actions", None) or {}).get(method.lower()) if found else None
    usual = int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return int(getattr(view_of(found), "largest_body", {}).get(action, usual))


def read_body(request: Any, presented: Presented) -> None:
    """Wait for the whole body, before anything is asked or locked.

    Raises BodyTooLarge or BodyLate; and CallerNotKnown where only who is known may send so much.
    """
    try:
        if _is_large(request):
            if presented.credential is None:
                raise CallerNotKnown
            request._body = request.read()  # as `body` does, whose limit is the same for all
            request._stream = BytesIO(request._body)
        _ = request.body
    except RequestDataTooBig:
        raise BodyTooLarge from None
    except UnreadablePostError:
        raise BodyLate from None


def _is_large(request: Any) -> bool:
    """Whether the body is longer than usual, and may be."""
    said = str(request.META.get("CONTENT_LENGTH") or "")
    length = int(said) if said.isascii() and said.isdigit() else 0
    if length <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        return False
    return length <= largest_body(request.method, request.path_info)
