"""`auth/`: how people sign in, by cookie in a browser and by tokens in a program, and get back in."""

from contextlib import nullcontext
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token, rotate_token
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members import invitations, password_resets, tokens
from payerwatch.members.callers import Credential, recognise
from payerwatch.members.devices import DEVICE_LIFETIME
from payerwatch.members.door import DEVICE_COOKIE, SESSION_COOKIE, Admits
from payerwatch.members.models import Session
from payerwatch.members.secrets import Origin
from payerwatch.members.sessions import cookie_of, end_session
from payerwatch.members.sign_in import SignedIn, sign_in
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.access import caller_of
from payerwatch.web.api.resource import Resource, checked

LONGEST_PASSWORD, LONGEST_TOKEN = 1000, 4000


class Credentials(serializers.Serializer):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    code = serializers.CharField(max_length=40, default="", allow_blank=True, help_text="of the authenticator, if set")
    customer = serializers.CharField(max_length=24, default=None, allow_null=True, help_text="whom to act in: cus_…")


class RefreshToken(serializers.Serializer):
    refresh = serializers.CharField(max_length=LONGEST_TOKEN)


class AccessToken(serializers.Serializer):
    token = serializers.CharField(max_length=LONGEST_TOKEN)


class ResetRequest(serializers.Serializer):
    email = serializers.CharField(max_length=254)


class NewPassword(serializers.Serializer):
    token = serializers.CharField(max_length=200, help_text="of the link that was mailed")
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class Acceptance(serializers.Serializer):
    token = serializers.CharField(max_length=200, help_text="of the link that was mailed")
    name = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="who is new gives their name")
    password = serializers.CharField(
        max_length=LONGEST_PASSWORD,
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="who is new chooses one; who has an account gives theirs",
    )


class SignIn(Resource):
    """In a browser: `get` gives the token that shows a request is our own page's, `post` the session's cookie."""

    thing = "session"
    admits = Admits.ANYONE
    sets_cookies = True
    enters_itself = True
    verbs: ClassVar = {"open": "sign_in"}
    may: ClassVar = {"prepare": Admits.ANYONE, "open": Admits.ANYONE}

    def prepare(self, request: Request) -> Response:
        return Response({"csrf_token": get_token(request._request)})

    def open(self, request: Request) -> Response:
        asked = checked(Credentials, request)
        signed_in = _sign_in(asked, Session.Kind.BROWSER, request._request)
        response = Response(described(signed_in))
        set_session_cookie(response, signed_in.session, signed_in.secret)
        _set_cookie(response, DEVICE_COOKIE, signed_in.device, max_age=int(DEVICE_LIFETIME.total_seconds()))
        rotate_token(request._request)
        return response


class SignOut(Resource):
    thing = "session"
    admits = Admits.ANYONE_SIGNED_IN
    verbs: ClassVar = {"close": "sign_out"}
    may: ClassVar = {"close": Admits.ANYONE_SIGNED_IN}

    def close(self, _request: Request) -> Response:
        if self.caller.session is not None:
            end_session(self.caller.session, "signed_out", actor=self.caller.actor)
        response = Response(status=204)
        response.delete_cookie(SESSION_COOKIE, path="/", samesite="Lax")
        return response


class Token(Resource):
    """For a program that acts as a person."""

    thing = "session"
    admits = Admits.ANYONE
    enters_itself = True
    verbs: ClassVar = {"open": "sign_in"}
    may: ClassVar = dict.fromkeys(("open", "refresh", "verify"), Admits.ANYONE)

    def open(self, request: Request) -> Response:
        asked = checked(Credentials, request)
        signed_in = _sign_in(asked, Session.Kind.PROGRAM, request._request)
        assert signed_in.tokens is not None
        return Response({**described(signed_in), **tokens_body(signed_in.tokens)})

    def refresh(self, request: Request) -> Response:
        asked = checked(RefreshToken, request)
        django_request: Any = request._request
        given = tokens.refresh(asked["refresh"], origin=django_request.origin, arrived_at=django_request.arrived_at)
        return Response(tokens_body(given))

    def verify(self, request: Request) -> Response:
        claims = tokens.read_access(checked(AccessToken, request)["token"])
        with acting_in(claims.customer_id, reading=True) if claims.customer_id is not None else nullcontext():
            recognise(Credential("token", claims.customer_id, claims.session_id), Origin())
        return Response({"valid": True})


class PasswordReset(Resource):
    """A link by e-mail. The answer is the same whether anybody has the address or nobody."""

    thing = "person"
    admits = Admits.ANYONE
    enters_itself = True
    verbs: ClassVar = {"ask": "request_reset", "confirm": "reset_password"}
    may: ClassVar = {"ask": Admits.ANYONE, "confirm": Admits.ANYONE}

    def ask(self, request: Request) -> Response:
        asked = checked(ResetRequest, request)
        origin = request._request.origin  # type: ignore[attr-defined]
        password_resets.request_password_reset(asked["email"], origin=origin)
        return Response({"detail": "If somebody has this address, a link is on its way to them."}, status=202)

    def confirm(self, request: Request) -> Response:
        asked = checked(NewPassword, request)
        origin = request._request.origin  # type: ignore[attr-defined]
        password_resets.reset_password(asked["token"], asked["password"], origin=origin)
        return Response(status=204)


class AcceptInvitation(Resource):
    thing = "invitation"
    admits = Admits.ANYONE
    enters_itself = True
    may: ClassVar = {"accept": Admits.ANYONE}

    def accept(self, request: Request) -> Response:
        asked = checked(Acceptance, request)
        caller = caller_of(request)
        person = caller.person if caller is not None else None
        origin = request._request.origin  # type: ignore[attr-defined]
        member = invitations.accept_invitation(
            asked["token"], origin=origin, name=asked["name"], password=asked["password"], person=person
        )
        return Response({"id": member.public_id, "role": member.role}, status=201)


def _sign_in(asked: dict[str, Any], kind: Session.Kind, request: HttpRequest) -> SignedIn:
    return sign_in(
        asked["email"],
        asked["password"],
        code=asked["code"],
        kind=kind,
        origin=request.origin,  # type: ignore[attr-defined]
        customer_public_id=asked["customer"],
    )


def described(signed_in: SignedIn) -> dict[str, Any]:
    """Who is signed in and where; with several customers and none chosen, the choice."""
    return {
        "person": {"id": signed_in.person.public_id, "name": signed_in.person.name},
        "customer": customer_body(signed_in.customer),
        "customers": [customer_body(customer) for customer in signed_in.choices],
    }


def customer_body(customer: Customer | None) -> dict[str, str] | None:
    return {"id": customer.public_id, "name": customer.name} if customer is not None else None


def tokens_body(given: tokens.Tokens) -> dict[str, Any]:
    return {"access": given.access, "refresh": given.refresh, "token_type": "Bearer", "expires_in": given.expires_in}


def set_session_cookie(response: Response, session: Session, secret: str) -> None:
    """For as long as the browser runs; the session itself ends sooner."""
    _set_cookie(response, SESSION_COOKIE, cookie_of(session, secret))


def _set_cookie(response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    response.set_cookie(name, value, max_age=max_age, path="/", secure=settings.HTTPS, httponly=True, samesite="Lax")
