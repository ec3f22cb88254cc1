"""Answers that are asked for again: a tag over their bytes, and 304 without a body where the asker has them already.

The answer is made, and the reading recorded, each time: who is told that what they hold still stands has read it.
Answers stay `no-store`, which the door sets: no cache may keep what is about patients' claims. A program that keeps an
answer on purpose keeps its tag with it.
"""

import hashlib
from functools import lru_cache
from http import HTTPStatus

from django.conf import settings
from django.http import HttpResponse
from django.utils.http import parse_etags
from rest_framework.request import Request

TAG_BYTES = 16
_OF_A_BODY = ("Content-Type", "Content-Length", "Content-Language")


def tagged(request: Request, response: HttpResponse) -> HttpResponse:
    """The answer with its tag; without its body where `If-None-Match` names it (RFC 9110, 13.1.2)."""
    response.headers["ETag"] = tag = tag_of(response.content)
    if not _has(request.META.get("HTTP_IF_NONE_MATCH", ""), tag):
        return response
    unchanged = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
    del unchanged.headers["Content-Type"]
    for name, value in response.headers.items():
        if name not in _OF_A_BODY:
            unchanged.headers[name] = value
    unchanged.cookies = response.cookies
    return unchanged


def tag_of(body: bytes) -> str:
    """Keyed, so that who finds a tag in some log cannot try out which answer it is of."""
    return f'"{hashlib.blake2b(body, digest_size=TAG_BYTES, key=_key(settings.SECRET_KEY)).hexdigest()}"'


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"payerwatch.etag\0" + secret.encode()).digest()


def _has(given: str, tag: str) -> bool:
    """Compared weakly, as reading is: `W/"a"` is `"a"` here."""
    if not given:
        return False
    if given.strip() == "*":
        return True
    return tag in (each.removeprefix("W/") for each in parse_etags(given))
