"""Every code that an answer may bear, what it means and what to do; and which of them an action may be answered."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NamedTuple

from payerwatch.members.callers import CallerNotKnown
from payerwatch.members.door import READING_METHODS, Admits
from payerwatch.members.door_refusals import (
    BodyLate,
    BodyTooLarge,
    Busy,
    ForeignRequest,
    NoCustomerChosen,
    SecondFactorRequired,
    TooManyRequests,
)
from payerwatch.members.roles import Permission
from payerwatch.refusals import Refusal
from payerwatch.web.api.access import NotPermitted
from payerwatch.web.api.filtering import UnknownParameter
from payerwatch.web.api.me import OwnAccount, PeopleOnly
from payerwatch.web.api.paging import CursorUnusable, PageSizeUnusable
from payerwatch.web.api.resource import Listed
from payerwatch.web.problems import Failed, NotFound, of_refusal

# What is no refusal of ours but of the framework, or of any server.
_OTHERS: dict[str, tuple[HTTPStatus, str, str]] = {
    "bad_request": (HTTPStatus.BAD_REQUEST, "The host, the path or a header cannot be.", "Send a request that can be."),
    "body_unreadable": (HTTPStatus.BAD_REQUEST, "The body is not JSON that can be read.", "Send a JSON object."),
    "invalid": (HTTPStatus.BAD_REQUEST, "Some of what was sent cannot be used.", "See `errors` for what and where."),
    "not_allowed": (HTTPStatus.FORBIDDEN, "This is not allowed.", ""),
    "method_not_allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "This method does nothing here.", "See the header `Allow`."),
    "not_acceptable": (HTTPStatus.NOT_ACCEPTABLE, "The answer cannot be in what was asked for.", "Accept JSON."),
    "unsupported_media_type": (
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not of a kind that is read here.",
        "Send the body as application/json.",
    ),
}
_OWN = ("payerwatch.members.", "payerwatch.web.", "payerwatch.throttling.refusals", "payerwatch.sealing.")


class Entry(NamedTuple):
    """One code."""

    code: str
    status: int
    title: str
    meaning: str
    fix: str


def catalogue() -> list[Entry]:
    """All codes, by status and name."""
    found = {
        code: Entry(code, int(status), status.phrase, meaning, fix) for code, (status, meaning, fix) in _OTHERS.items()
    }
    for each in _refusals(Refusal):
        if each.__module__.startswith(_OWN):
            entry = _entry(each)
            found.setdefault(entry.code, entry)
    return sorted(found.values(), key=lambda entry: (entry.status, entry.code))


def codes_of(view: Any, action: str, method: str, *, with_id: bool) -> list[str]:
    """What an action may be refused with; `with_id`, whether its address names a thing."""
    needed, writes = view.may.get(action), method not in READING_METHODS
    refusals: list[type[Refusal]] = [Failed, Busy, UnknownParameter, *view.refuses.get(action, ())]
    codes = ["bad_request", "not_acceptable"]
    if view.throttle is not None:
        refusals.append(TooManyRequests)
    if view.admits is not Admits.ANYONE:
        refusals.append(CallerNotKnown)
    if view.admits is Admits.WHO_ACTS_IN_A_CUSTOMER:
        refusals += [NoCustomerChosen, SecondFactorRequired]
    if isinstance(needed, Permission) or view.keys_need:
        refusals.append(NotPermitted)
    if issubclass(view, OwnAccount):
        refusals.append(PeopleOnly)
    if writes:
        refusals += [BodyLate, BodyTooLarge]
        if view.admits is not Admits.ANYONE or view.sets_cookies:
            refusals.append(ForeignRequest)
    if action in view.takes:
        codes += ["body_unreadable", "invalid", "unsupported_media_type"]
    if action in view.asks:
        codes.append("invalid")
    if action == "list" and issubclass(view, Listed):
        codes, refusals = [*codes, "invalid"], [*refusals, CursorUnusable, PageSizeUnusable]
    if with_id:
        refusals.append(NotFound)
    return sorted({*codes, *(_entry(each).code for each in refusals)})


def _refusals(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for each in kind.__subclasses__():
        yield each
        yield from _refusals(each)


def _entry(refusal: type[Refusal]) -> Entry:
    empty = refusal.__new__(refusal)
    Refusal.__init__(empty, "")
    status = HTTPStatus.INTERNAL_SERVER_ERROR if refusal is Failed else None
    document = of_refusal(empty, status)
    meaning = re.sub(r"\s+", " ", (refusal.__doc__ or "").strip())
    return Entry(document["code"], document["status"], document["title"], meaning, document.get("fix", ""))
