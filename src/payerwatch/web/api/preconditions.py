"""If-Match (RFC 9110, 13.1.1): what is guarded is changed only by who has read it as it is."""

import re
from typing import Any

from rest_framework.request import Request

from payerwatch.web.api.etags import etag_of
from payerwatch.web.http_refusals import PreconditionFailed, PreconditionRequired

HEADER = "If-Match"
_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def refuse_unless_current(view: Any, request: Request) -> None:
    """Raises PreconditionRequired, or PreconditionFailed where If-Match names another state than the present one.

    What is changed is held from here until the transaction ends, so of two who have read the same, one is refused.
    """
    named = request.headers.get(HEADER)
    if named is None:
        raise PreconditionRequired
    view.hold()
    present = present_etag(view, request)
    if named.strip() != "*" and present not in _strong_tags(named):
        raise PreconditionFailed


def present_etag(view: Any, request: Request) -> str:
    """The ETag that reading has now. Raises NotFound."""
    renderer: Any = request.accepted_renderer
    media_type: str = request.accepted_media_type
    return etag_of(renderer.render(view.represented(), media_type, view.get_renderer_context()))


def _strong_tags(text: str) -> list[str]:
    """Those that can be matched: a weak one never is."""
    return [each[0] for each in _TAG.finditer(text) if not each[1]]
