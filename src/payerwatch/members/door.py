"""The one door: who is calling, how often, and in which customer, before anything else runs.

    1  find where the request comes from, and what it asks for
    2  read the credential: a key or an access token in `Authorization`, else the session's cookie
    3  count the request against the view's throttle, in a transaction of its own
    4  enter the customer the credential names, and the request's transaction
    5  recognise the caller there, from the database, on each request anew
    6  refuse whom the view does not admit, and a cookie's request that may come from another site
    7  run the view; an answer that refuses or fails takes back whatever was written

A view admits nobody unless it says so: `admits` is ANYONE, ANYONE_SIGNED_IN or, where nothing is said,
whoever has a customer; what their role may do there, the view asks the caller.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from http import HTTPStatus
from typing import Any, NamedTuple

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import timezone

from payerwatch.audit.record import Thing, record
from payerwatch.config.logging import request_id
from payerwatch.members import keys, sessions, tokens
from payerwatch.members.callers import Caller, CallerNotKnown, Credential, recognise
from payerwatch.members.door_refusals import (
    Busy,
    ForeignRequest,
    NoCustomerChosen,
    SecondFactorRequired,
    TooManyRequests,
)
from payerwatch.members.secrets import CredentialRefused, Origin
from payerwatch.refusals import Refusal
from payerwatch.tenancy.context import acting_in
from payerwatch.throttling.client_address import client_address, read_proxies, throttle_key
from payerwatch.throttling.headers import rate_limit_fields
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.throttling.taking import take
from payerwatch.throttling.verdict import Verdict

log = logging.getLogger(__name__)
_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION_COOKIE = "__Host-payerwatch" if settings.HTTPS else "payerwatch"
DEVICE_COOKIE = "__Host-payerwatch-device" if settings.HTTPS else "payerwatch-device"


class Admits(Enum):
    """Whom a view lets in."""

    ANYONE = "who is not known too"
    ANYONE_SIGNED_IN = "a person who has no customer yet, or must still set up a second factor"
    WHO_ACTS_IN_A_CUSTOMER = "a caller in a customer"


class Attempt(NamedTuple):
    """What a view is about to do, for the trail if it is refused."""

    verb: str
    thing: Thing
    recorded: bool
    """Whether it is recorded when it is done: every change is, and the reading of claims."""


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
        request.get_host()  # raises for a host that is none of ours
        request.origin = origin_of(request)
        request.caller = None
        found = _found(request)
        request.route = found.route if found else ""
        view = _view_of(found)
        try:
            verdict = self._throttle(request, view)
        except TooManyRequests as refusal:
            response: HttpResponseBase = self.refuse(refusal)
        else:
            response = self._let_in(request, view)
            if verdict is not None:
                for name, value in rate_limit_fields(verdict).items():
                    response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _throttle(self, request: Any, view: Any) -> Verdict | None:
        """Count the request. A throttle that does not answer lets through; signing in has its own, which does not."""
        policy = getattr(view, "throttle", "api")
        if policy is None:
            return None
        presented = request.headers.get("Authorization") or request.COOKIES.get(SESSION_COOKIE)
        if policy == "api" and not presented:
            policy = "anonymous"
        key = presented if presented and policy == "api" else throttle_key(request.origin.address)
        try:
            verdict = take([(policy, key)])
        except ThrottleUnavailable:
            log.error("The throttle does not answer; the request passes.")
            return None
        if not verdict.allowed:
            raise TooManyRequests(verdict)
        return verdict

    def _let_in(self, request: Any, view: Any) -> HttpResponseBase:
        admits = _admits(view)
        try:
            credential = credential_of(request)
            with _entered(credential, request):
                request.caller = recognise(credential, request.origin) if credential is not None else None
                _refuse_unless_admitted(request.caller, admits)
                self._refuse_foreign(request, credential, view)
                response = None if _enters_itself(view) else self._run(request)
            response = self._run(request) if response is None else response
        except CallerNotKnown as refusal:
            open_to_all = admits is Admits.ANYONE
            too_many = _too_many("anonymous" if open_to_all else "refused_credentials", request.origin.address)
            if too_many is not None or not open_to_all:
                return self.refuse(too_many or refusal)
            return self._let_anyone_in(request, view)
        except Refusal as refusal:
            response = self.refuse(refusal)
        except (OperationalError, InterfaceError) as error:
            log.error("The database does not answer.", exc_info=error)
            return self.refuse(Busy())
        _record_if_refused(request, response)
        return response

    def _let_anyone_in(self, request: Any, view: Any) -> HttpResponseBase:
        """A credential that is no longer good keeps nobody from what is open to all."""
        try:
            self._refuse_foreign(request, None, view)
        except ForeignRequest as refusal:
            return self.refuse(refusal)
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
        return self._own_pages.process_response(request, response)


def _admits(view: Any) -> Admits:
    """An address that leads nowhere says so to anyone."""
    if view is None:
        return Admits.ANYONE
    admits: Admits = getattr(view, "admits", Admits.WHO_ACTS_IN_A_CUSTOMER)
    return admits


def _enters_itself(view: Any) -> bool:
    """Whether the view moves the caller from one customer to another, which cannot be done from inside one."""
    return bool(getattr(view, "enters_itself", False))


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


def _too_many(policy: str, address: str) -> TooManyRequests | None:
    """Count a credential that was not good by where it came from; who presents many is told to wait."""
    try:
        verdict = take([(policy, throttle_key(address))])
    except ThrottleUnavailable:
        return None
    return None if verdict.allowed else TooManyRequests(verdict)


def _record_if_refused(request: Any, response: HttpResponseBase) -> None:
    """Leave an entry of what was refused, once the transaction that was refused is undone."""
    attempt: Attempt | None = getattr(request, "attempt", None)
    caller: Caller | None = request.caller
    if attempt is None or caller is None or caller.customer is None or response.status_code not in _REFUSED:
        return
    if not attempt.recorded and response.status_code != HTTPStatus.FORBIDDEN:
        return
    with acting_in(caller.customer):
        after = {"status": response.status_code}
        record(attempt.verb, attempt.thing, actor=caller.actor, after=after, outcome="refused")


def _not_exempt(_request: HttpRequest) -> HttpResponse:
    """Stands for the view in Django's check, which REST views are exempt from."""
    raise NotImplementedError


def origin_of(request: HttpRequest) -> Origin:
    """Where the request comes from, under the id that it was given outside of the door."""
    address = client_address(request.META, read_proxies(settings.TRUSTED_PROXIES))
    return Origin(
        address=address,
        agent=request.headers.get("User-Agent", "")[:200],
        request_id=request_id.get(),
        device=request.COOKIES.get(DEVICE_COOKIE, ""),
    )


def credential_of(request: HttpRequest) -> Credential | None:
    """The credential a request presents, read and not yet believed. Raises CallerNotKnown where it is none."""
    header = request.headers.get("Authorization", "")
    try:
        if header:
            return _from_header(header)
        cookie = request.COOKIES.get(SESSION_COOKIE)
        return Credential("cookie", *sessions.read_cookie(cookie)) if cookie else None
    except CredentialRefused:
        raise CallerNotKnown from None


def _from_header(header: str) -> Credential:
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise CredentialRefused
    if keys.looks_like_key(text):
        return Credential("key", keys.customer_of(text), text)
    claims = tokens.read_access(text)
    return Credential("token", claims.customer_id, claims.session_id)


def _found(request: HttpRequest) -> ResolverMatch | None:
    """What the address leads to, if anything."""
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _view_of(found: ResolverMatch | None) -> Any:
    """What will answer: a view, or the class a REST view is made of."""
    view: Any = found.func if found else None
    return getattr(view, "cls", view)


@contextmanager
def _entered(credential: Credential | None, request: HttpRequest) -> Iterator[None]:
    if credential is None or credential.customer_id is None:
        yield
        return
    with acting_in(credential.customer_id, reading=request.method in READING_METHODS):
        yield
