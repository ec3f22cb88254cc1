"""What a request presents to be let in: read, and not yet believed."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from payerwatch.members import keys, sessions, tokens
from payerwatch.members.callers import CallerNotKnown, Credential
from payerwatch.members.secrets import CredentialRefused

SESSION_COOKIE = "__Host-payerwatch" if settings.HTTPS else "payerwatch"


class Presented(NamedTuple):
    """A credential, none, or something that is none and never was."""

    credential: Credential | None
    unreadable: bool = False

    @property
    def identity(self) -> str:
        """Whose it is as far as is known unasked: the same however it is spelled; empty where nothing is known."""
        return f"{self.credential.how} {self.credential.text}" if self.credential is not None else ""

    def read(self) -> Credential | None:
        """Raises CallerNotKnown for what is no credential."""
        if self.unreadable:
            raise CallerNotKnown
        return self.credential


def presented_by(request: HttpRequest) -> Presented:
    """A key or an access token in `Authorization`, else the session's cookie."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    try:
        if header:
            return Presented(_from_header(header))
        cookie = request.COOKIES.get(SESSION_COOKIE)
        return Presented(Credential("cookie", *sessions.read_cookie(cookie)) if cookie else None)
    except CredentialRefused:
        return Presented(None, unreadable=True)


def _from_header(header: str) -> Credential:
    scheme, _, text = header.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise CredentialRefused
    if keys.looks_like_key(text):
        return Credential("key", keys.customer_of(text), text)
    claims = tokens.read_access(text)
    return Credential("token", claims.customer_id, claims.session_id)
