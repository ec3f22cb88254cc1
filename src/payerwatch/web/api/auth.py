"""`auth/`: how people sign in, by cookie in a browser and by tokens in a program, and get back in."""

from contextlib import nullcontext
from http import HTTPStatus
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.middleware.csrf import get_token, rotate_token
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members import invitations, password_resets, tokens
from payerwatch.members.actions import AlreadyMember, OperatorIsNoMember
from payerwatch.members.callers import CallerNotKnown, Credential, recognise
from payerwatch.members.devices import DEVICE_LIFETIME
from payerwatch.members.door import DEVICE_COOKIE, SESSION_COOKIE, Admits
from payerwatch.members.email_addresses import EmailUnusable
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.models import Session
from payerwatch.members.passwords import PasswordUnusable, PasswordWrong
from payerwatch.members.people import PersonNameUnusable
from payerwatch.members.roles import Role
from payerwatch.members.secrets import CredentialRefused, Origin
from payerwatch.members.sessions import CustomerNotOpen, cookie_of, end_session
from payerwatch.members.sign_in import SecondFactorNeeded, SignedIn, SignInRefused, TooManySignIns, sign_in
from payerwatch.tenancy.context import acting_in
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.web.api.access import caller_of
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.for_people import ForPeople
from payerwatch.web.api.resource import NOTHING, Gives, Resource

LONGEST_PASSWORD, LONGEST_TOKEN = 1000, 4000
_SIGNING_IN = (SignInRefused, SecondFactorNeeded, TooManySignIns, ThrottleUnavailable, CustomerNotOpen)


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


class CustomerNamed(serializers.Serializer):
    id = PublicId(source="public_id", help_text="cus_…")
    name = serializers.CharField(read_only=True)


class PersonNamed(serializers.Serializer):
    id = PublicId(source="public_id", help_text="per_…")
    name = serializers.CharField(read_only=True)


class SignedInBody(serializers.Serializer):
    """Who is signed in, in which customer, and all that they may act in."""

    person = PersonNamed()
    customer = CustomerNamed(allow_null=True, help_text="whom you act in; null until one of several is chosen")
    customers = CustomerNamed(many=True, source="choices", help_text="all that the person may act in")


class TokensBody(serializers.Serializer):
    access = serializers.CharField(help_text="for `Authorization: Bearer …`")
    refresh = serializers.CharField(help_text="for the next tokens, once")
    token_type = serializers.ChoiceField(["Bearer"], default="Bearer")
    expires_in = serializers.IntegerField(help_text="seconds for which `access` is good")


class SignedInWithTokens(SignedInBody, TokensBody):
    access = serializers.CharField(source="tokens.access", help_text="for `Authorization: Bearer …`")
    refresh = serializers.CharField(source="tokens.refresh", help_text="for the next tokens, once")
    token_type = serializers.ChoiceField(["Bearer"], default="Bearer", source="tokens.token_type")
    expires_in = serializers.IntegerField(source="tokens.expires_in", help_text="seconds for which `access` is good")


class CsrfToken(serializers.Serializer):
    csrf_token = serializers.CharField(help_text="to be sent in the header X-CSRFToken")


class Valid(serializers.Serializer):
    valid = serializers.BooleanField()


class LinkOnItsWay(serializers.Serializer):
    detail = serializers.CharField(help_text="the same whether anybody has the address or nobody")


class MemberJoined(serializers.Serializer):
    id = PublicId(source="public_id", help_text="mbr_…")
    role = serializers.ChoiceField([role.value for role in Role.of_members()])


class SignIn(Resource):
    """In a browser: `get` gives the token that shows a request is our own page's, `post` the session's cookie."""

    thing = "session"
    admits = Admits.ANYONE
    sets_cookies = True
    enters_itself = True
    verbs: ClassVar = {"open": "sign_in"}
    may: ClassVar = {"prepare": Admits.ANYONE, "open": Admits.ANYONE}
    takes: ClassVar = {"open": Credentials}
    gives: ClassVar = {"prepare": Gives(CsrfToken), "open": Gives(SignedInBody)}
    refuses: ClassVar = {"open": _SIGNING_IN}

    def prepare(self, request: Request) -> Response:
        """Get the token against forged requests, and its cookie. A browser asks for it before signing in."""
        return self.answer({"csrf_token": get_token(request._request)})

    def open(self, request: Request) -> Response:
        """Sign a browser in.

        The answer sets the session's cookie and lists the person's customers; of several with none named, one is to be
        chosen next.
        """
        signed_in = _sign_in(self.body(), Session.Kind.BROWSER, request._request)
        response = self.answer(signed_in)
        set_session_cookie(response, signed_in.session, signed_in.secret)
        _set_cookie(response, DEVICE_COOKIE, signed_in.device, max_age=int(DEVICE_LIFETIME.total_seconds()))
        rotate_token(request._request)
        return response


class SignOut(ForPeople):
    thing = "session"
    keeps_answers = False  # who asks again is not signed in
    verbs: ClassVar = {"close": "sign_out"}
    may: ClassVar = {"close": Admits.ANYONE_SIGNED_IN}
    gives: ClassVar = {"close": NOTHING}

    def close(self, request: Request) -> Response:
        """Sign out. The session ends, and with it its cookie or its tokens."""
        end_session(self.session, "signed_out", actor=self.caller.actor)
        response = self.answer()
        response.delete_cookie(SESSION_COOKIE, path="/", samesite="Lax")
        return response


class Token(Resource):
    """For a program that acts as a person."""

    thing = "session"
    admits = Admits.ANYONE
    enters_itself = True
    verbs: ClassVar = {"open": "sign_in"}
    may: ClassVar = dict.fromkeys(("open", "refresh", "verify"), Admits.ANYONE)
    takes: ClassVar = {"open": Credentials, "refresh": RefreshToken, "verify": AccessToken}
    gives: ClassVar = {"open": Gives(SignedInWithTokens), "refresh": Gives(TokensBody), "verify": Gives(Valid)}
    refuses: ClassVar = {
        "open": _SIGNING_IN,
        "refresh": [CredentialRefused, tokens.RefreshSuperseded],
        "verify": [CredentialRefused, CallerNotKnown],
    }

    def open(self, request: Request) -> Response:
        """Sign a program in as a person.

        The answer lists the person's customers; of several with none named, one is to be chosen next.
        """
        return self.answer(_sign_in(self.body(), Session.Kind.PROGRAM, request._request))

    def refresh(self, request: Request) -> Response:
        """Get the next tokens. A refresh token is good once; used again, it ends the session."""
        django_request: Any = request._request
        presented, origin, arrived_at = self.body()["refresh"], django_request.origin, django_request.arrived_at
        return self.answer(tokens.refresh(presented, origin=origin, arrived_at=arrived_at))

    def verify(self, request: Request) -> Response:
        """Ask whether an access token is good."""
        claims = tokens.read_access(self.body()["token"])
        with acting_in(claims.customer_id, reading=True) if claims.customer_id is not None else nullcontext():
            recognise(Credential("token", claims.customer_id, claims.session_id), Origin())
        return self.answer({"valid": True})


class PasswordReset(Resource):
    """A link by e-mail. The answer is the same whether anybody has the address or nobody."""

    thing = "person"
    admits = Admits.ANYONE
    enters_itself = True
    verbs: ClassVar = {"ask": "request_reset", "confirm": "reset_password"}
    may: ClassVar = {"ask": Admits.ANYONE, "confirm": Admits.ANYONE}
    takes: ClassVar = {"ask": ResetRequest, "confirm": NewPassword}
    gives: ClassVar = {"ask": Gives(LinkOnItsWay, HTTPStatus.ACCEPTED), "confirm": NOTHING}
    refuses: ClassVar = {
        "ask": [EmailUnusable, TooManyGuesses, ThrottleUnavailable],
        "confirm": [password_resets.ResetLinkUnusable, PasswordUnusable],
    }

    def ask(self, request: Request) -> Response:
        """Ask for a link to choose a new password. The answer is the same whether anybody has the address or nobody."""
        asked = self.body()
        origin = request._request.origin  # type: ignore[attr-defined]
        password_resets.request_password_reset(asked["email"], origin=origin)
        return self.answer({"detail": "If somebody has this address, a link is on its way to them."})

    def confirm(self, request: Request) -> Response:
        """Choose a new password by the link that was mailed."""
        asked = self.body()
        origin = request._request.origin  # type: ignore[attr-defined]
        password_resets.reset_password(asked["token"], asked["password"], origin=origin)
        return self.answer()


class AcceptInvitation(Resource):
    thing = "invitation"
    admits = Admits.ANYONE
    enters_itself = True
    may: ClassVar = {"accept": Admits.ANYONE}
    takes: ClassVar = {"accept": Acceptance}
    gives: ClassVar = {"accept": Gives(MemberJoined, HTTPStatus.CREATED)}
    refuses: ClassVar = {
        "accept": [
            invitations.InvitationUnusable, PersonNameUnusable, PasswordUnusable, PasswordWrong, TooManyGuesses,
            ThrottleUnavailable, OperatorIsNoMember, AlreadyMember,
        ]
    }  # fmt: skip

    def accept(self, request: Request) -> Response:
        """Accept an invitation by the link that was mailed. Who is new gives a name and chooses a password."""
        asked = self.body()
        caller = caller_of(request)
        person = caller.person if caller is not None else None
        origin = request._request.origin  # type: ignore[attr-defined]
        member = invitations.accept_invitation(
            asked["token"], origin=origin, name=asked["name"], password=asked["password"], person=person
        )
        return self.answer(member)


def _sign_in(asked: dict[str, Any], kind: Session.Kind, request: HttpRequest) -> SignedIn:
    return sign_in(
        asked["email"],
        asked["password"],
        code=asked["code"],
        kind=kind,
        origin=request.origin,  # type: ignore[attr-defined]
        customer_public_id=asked["customer"],
    )


def set_session_cookie(response: Response, session: Session, secret: str) -> None:
    """For as long as the browser runs; the session itself ends sooner."""
    _set_cookie(response, SESSION_COOKIE, cookie_of(session, secret))


def _set_cookie(response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    response.set_cookie(name, value, max_age=max_age, path="/", secure=settings.HTTPS, httponly=True, samesite="Lax")
