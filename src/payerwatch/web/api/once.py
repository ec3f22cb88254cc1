"""A request that names itself by an Idempotency-Key is done once: sent again, it is given the first answer."""

import hashlib
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from payerwatch.audit.record import Thing, record
from payerwatch.members.door import Admits
from payerwatch.members.kept_answers import Answered, Asking, find, keep
from payerwatch.web.http_refusals import IdempotencyKeyNotTaken, IdempotencyKeyUnusable

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
KEPT_HEADERS = ("Content-Type", "Location", "ETag")
_SAYS_WHAT_COMES = "Upload-"  # headers by which an upload in pieces says what it is of


def takes_key(view: Any, method: str) -> bool:
    """Whether an answer can be kept: it needs a customer to be kept in, and one transaction with what is done."""
    can_be_kept = view.admits is not Admits.ANYONE and not view.enters_itself
    return method == "POST" and can_be_kept and view.keeps_answers


def asking_of(view: Any, request: Request) -> Asking | None:
    """What is asked under a key; None without one. Raises IdempotencyKeyUnusable or IdempotencyKeyNotTaken."""
    key = request.headers.get(HEADER)
    if key is None or view.action in view.own_keys:
        return None
    if not takes_key(view, str(request.method)) or view.caller.customer is None:
        raise IdempotencyKeyNotTaken
    if not can_be_a_key(key):
        raise IdempotencyKeyUnusable
    ids = " ".join(f"{name}={value}" for name, value in sorted(view.kwargs.items()))
    route = f"{request.method} {request._request.route} {ids}"  # type: ignore[attr-defined]
    return Asking(view.caller.actor.id, route, key, _payload(request))


def can_be_a_key(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_KEY and all(" " <= letter <= "~" for letter in text)


def replayed(view: Any, asking: Asking) -> HttpResponse | None:
    """The answer to the same request, if it was done before; that it is shown again is on the record.

    Raises RequestInProgress or IdempotencyKeyReused.
    """
    kept = find(asking)
    if kept is None:
        return None
    attempt = view.attempted(view.action, view.kwargs, reading=False)
    thing: Thing = attempt.thing
    record("replay", thing, actor=view.caller.actor, after={"verb": attempt.verb, "status": kept.status})
    response = HttpResponse(kept.body, status=kept.status, headers={**kept.headers, REPLAYED: "true"})
    if "Content-Type" not in kept.headers:
        del response.headers["Content-Type"]
    return response


def keep_answer(view: Any, asking: Asking, response: HttpResponseBase) -> None:
    """Keep what was answered, with the headers that the action says; what refuses has changed nothing: not kept."""
    if response.status_code >= 400 or not isinstance(response, HttpResponse):
        return
    said = (*KEPT_HEADERS, *(each.name for each in view.says.get(view.action, ())))
    headers = {name: response.headers[name] for name in said if name in response.headers}
    keep(asking, Answered(response.status_code, headers, response.content))


def _payload(request: Request) -> bytes:
    """A digest of what was sent: what an upload says of itself, and the body. What changes takes no query.

    A body in parts is known by its parts, since what stands between them is another each time.
    """
    digest = hashlib.sha256()
    for piece in (*_said_of_uploads(request), *_body(request)):
        digest.update(len(piece).to_bytes(8))
        digest.update(piece)
    return digest.digest()


def _said_of_uploads(request: Request) -> Iterator[bytes]:
    for name, value in sorted(request.headers.items()):
        if name.startswith(_SAYS_WHAT_COMES):
            yield f"{name}: {value}".encode()


def _body(request: Request) -> Iterator[bytes]:
    if not str(request.content_type).startswith("multipart/form-data"):
        yield request._request.body
        return
    parts: Any = request.data
    for name, values in sorted(parts.lists()):
        for value in values:
            yield name.encode()
            yield from _part(value)


def _part(value: Any) -> Iterator[bytes]:
    if not isinstance(value, UploadedFile):
        yield str(value).encode()
        return
    content = hashlib.sha256()
    for chunk in value.chunks():
        content.update(chunk)
    value.seek(0)
    yield from (str(value.name).encode(), str(value.content_type).encode(), content.digest())
