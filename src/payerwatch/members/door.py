"""The one door: who is calling, how often, and in which customer, before anything else runs.

    1  find where the request comes from, and what it asks for
    2  read the credential: a key or an access token in `Authorization`, else the session's cookie
    3  count the request against the view's throttle, in a transaction of its own
    4  read the body to its end, so that nothing that is asked from here on is old when the view runs
    5  enter the customer the credential names, and the request's transaction
    6  recognise the caller there, from the database, on each request anew
    7  refuse whom the view does not admit, and a cookie's request that may come from another site
    8  run the view; an answer that refuses or fails takes back whatever was written
    9  leave an entry of what was refused, and why

SQLite has one writer, so there 5 to 7 come twice: only who was admitted without waits for the write lock.

A view admits nobody unless it says so: `admits` is ANYONE, ANYONE_SIGNED_IN or, where nothing is said,
whoever has a customer; what their role may do there, the view asks the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import ResolverMatch
from django.utils import timezone

from payerwatch.config.logging import request_id
from payerwatch.members.callers import Caller, CallerNotKnown, Credential, recognise
from payerwatch.members.door_bodies import found_at, read_body, view_of
from payerwatch.members.door_refusals import (
    Busy,
    ForeignRequest,
    NoCustomerChosen,
    OutcomeUnknown,
    SecondFactorRequired,
    TooManyRequests,
    broke_off,
    gave_no_answer,
)
from payerwatch.members.presented import SESSION_COOKIE, Presented, presented_by
from payerwatch.members.refused import Attempt, record_if_refused, record_refused_key
from payerwatch.members.secrets import Origin
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.throttling.client_address import client_address, read_proxies, throttle_key
from payerwatch.throttling.headers import rate_limit_fields
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.taking import take
from payerwatch.throttling.verdict import Verdict

__all__ = ["DEVICE_COOKIE", "READING_METHODS", "SESSION_COOKIE", "Admits", "Attempt", "Door"]

log = logging.getLogger(__name__)
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DEVICE_COOKIE = "__Host-payerwatch-device" if settings.HTTPS else "payerwatch-device"


class Admits(Enum):
    """Whom a view lets in."""

    ANYONE = "who is not known too"
    ANYONE_SIGNED_IN = "a person who has no customer yet, or must still set up a second factor"
    WHO_ACTS_IN_A_CUSTOMER = "a caller in a customer"


class _OwnPages(CsrfViewMiddleware):
    """Django's check that a request comes from our own pages, giving the reason instead of an answer."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:  # noqa: ARG002
        return reason


class Door:
    """Django middleware. What refuses is turned into an answer by `refuse`, which knows the web's one shape."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._own_pages = _OwnPages(get_response)

    def refuse(self, refusal: Refusal) -> HttpResponse:
        raise NotImplementedError

    def __call__(self, request: Any) -> HttpResponseBase:
        request.arrived_at = timezone.now()
        request.caller = None
        request.done = False  # whether a change was made that is only to be kept
        found = found_at(request.path_info)
        view = view_of(found)
        request.found = found
        request.route = found.route if found else ""
        request.attempt = _attempt(request, found)
        if not getattr(view, "answers_any_host", False):
            request.get_host()  # raises for a host that is none of ours
        request.origin = origin_of(request)
        presented = presented_by(request)
        try:
            verdict = _count(request, view, presented)
        except TooManyRequests as refusal:
            response: HttpResponseBase = self.refuse(refusal)
        else:
            response = self._let_in(request, view, presented)
            if verdict is not None:
                _announce(verdict, response)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _let_in(self, request: Any, view: Any, presented: Presented) -> HttpResponseBase:
        try:
            response = self._answer(request, view, presented)
            record_if_refused(request, response)
        except (DatabaseError, InterfaceError) as error:
            if not gave_no_answer(error):
                raise
            log.error("The database does not answer.", exc_info=error)
            return self.refuse(OutcomeUnknown() if request.done and broke_off(error) else Busy())
        return response

    def _answer(self, request: Any, view: Any, presented: Presented) -> HttpResponseBase:
        try:
            read_body(request, presented)
            return self._answer_admitted(request, view, presented.read())
        except CallerNotKnown as refusal:
            request.caller = None
            return self._answer_stranger(request, view, presented, refusal)
        except Refusal as refusal:
            return self.refuse(refusal)

    def _answer_admitted(self, request: Any, view: Any, credential: Credential | None) -> HttpResponseBase:
        enters_itself = bool(getattr(view, "enters_itself", False))
        writing = request.method not in READING_METHODS and not enters_itself
        if writing and connection.vendor == "sqlite":
            with _entered(credential, writing=False):
                self._admit(request, view, credential)
        with _entered(credential, writing=writing):
            self._admit(request, view, credential)
            if not enters_itself:
                return self._run(request)
        return self._run(request)  # it moves the caller between customers, which cannot be done from inside one

    def _admit(self, request: Any, view: Any, credential: Credential | None) -> None:
        request.caller = recognise(credential, request.origin) if credential is not None else None
        _refuse_unless_admitted(request.caller, _admits(view))
        self._refuse_foreign(request, credential, view)

    def _answer_stranger(
        self, request: Any, view: Any, presented: Presented, refusal: CallerNotKnown
    ) -> HttpResponseBase:
        """A credential that is no longer good keeps nobody from what is open to all."""
        if refusal.refused_key is not None:
            record_refused_key(refusal.refused_key, request.origin)
        open_to_all = _admits(view) is Admits.ANYONE
        if not (open_to_all and presented.unreadable):  # which was counted already
            too_many = _too_many("anonymous" if open_to_all else "refused_credentials", request.origin.address)
            if too_many is not None:
                return self.refuse(too_many)
        if not open_to_all:
            return self.refuse(refusal)
        try:
            self._refuse_foreign(request, None, view)
        except ForeignRequest as foreign:
            return self.refuse(foreign)
        return self._run(request)

    def _refuse_foreign(self, request: Any, credential: Credential | None, view: Any) -> None:
        """Cookies are sent by browsers from anywhere, so such a request must show that it is ours."""
        by_cookie = credential is not None and credential.how == "cookie"
        if not by_cookie and not getattr(view, "sets_cookies", False):
            return
        self._own_pages.process_request(request)
        if self._own_pages.process_view(request, _not_exempt, (), {}) is not None:
            raise ForeignRequest

    def _run(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code >= 400 and connection.in_atomic_block:
            transaction.set_rollback(True)
        request.done = response.status_code < 400 and request.method not in READING_METHODS  # type: ignore[attr-defined]
        return self._own_pages.process_response(request, response)


def _admits(view: Any) -> Admits:
    """An address that leads nowhere says so to anyone."""
    if view is None:
        return Admits.ANYONE
    admits: Admits = getattr(view, "admits", Admits.WHO_ACTS_IN_A_CUSTOMER)
    return admits


def _refuse_unless_admitted(caller: Caller | None, admits: Admits) -> None:
    if admits is Admits.ANYONE:
        return
    if caller is None:
        raise CallerNotKnown
    if admits is Admits.WHO_ACTS_IN_A_CUSTOMER:
        if caller.customer is None:
            raise NoCustomerChosen
        if caller.confined:
            raise SecondFactorRequired


def _count(request: Any, view: Any, presented: Presented) -> Verdict | None:
    """Count the request. A throttle that does not answer lets through; signing in has its own, which does not."""
    policy = getattr(view, "throttle", "api")
    if policy is None:
        return None
    if policy == "api" and not presented.identity:
        policy = "anonymous"
    key = presented.identity if policy == "api" else throttle_key(request.origin.address)
    try:
        verdict = take([(policy, key)])
    except ThrottleUnavailable:
        log.error("The throttle does not answer; the request passes.")
        return None
    if not verdict.allowed:
        raise TooManyRequests(verdict)
    return verdict


def _announce(verdict: Verdict, response: HttpResponseBase) -> None:
    """Say where the caller stands, unless a refusal said so of a throttle of its own."""
    if "RateLimit" in response.headers:
        return
    for name, value in rate_limit_fields(verdict).items():
        response.headers[name] = value


def _too_many(policy: str, address: str) -> TooManyRequests | None:
    """Count a credential that was not good by where it came from; who presents many is told to wait."""
    try:
        verdict = take([(policy, throttle_key(address))])
    except ThrottleUnavailable:
        return None
    return None if verdict.allowed else TooManyRequests(verdict)


def _not_exempt(_request: HttpRequest) -> HttpResponse:
    """Stands for the view in Django's check, which REST views are exempt from."""
    raise NotImplementedError


def origin_of(request: HttpRequest) -> Origin:
    """Where the request comes from, under the id that it was given outside of the door."""
    address = client_address(request.META, read_proxies(settings.TRUSTED_PROXIES))
    return Origin(
        address=address,
        agent=request.META.get("HTTP_USER_AGENT", "")[:200],
        request_id=request_id.get(),
        device=request.COOKIES.get(DEVICE_COOKIE, ""),
    )


def _attempt(request: HttpRequest, found: ResolverMatch | None) -> Attempt | None:
    """What the request is about to do, as the view says it; None where nothing answers it."""
    view, method = view_of(found), str(request.method)
    named = getattr(view, "attempted", None)
    actions = getattr(found.func, "actions", None) if found else None
    action = (actions or {}).get("get" if method == "HEAD" else method.lower())
    if found is None or named is None or action is None:
        return None
    attempt: Attempt = named(action, found.kwargs, reading=method in READING_METHODS)
    return attempt


def _entered(credential: Credential | None, *, writing: bool) -> AbstractContextManager[None]:
    """The customer the credential names, if any; and a transaction, without one only to write."""
    if credential is not None and credential.customer_id is not None:
        return acting_in(credential.customer_id, reading=not writing)
    return transaction.atomic() if credential is not None and writing else nullcontext()
