"""`me/`: who is calling, where they act, and what they manage of their own account."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members import passwords, second_factor, sessions
from payerwatch.members.door import SESSION_COOKIE, Admits
from payerwatch.members.models import Person, Session
from payerwatch.members.queries import customers_of
from payerwatch.members.roles import Permission
from payerwatch.members.tokens import issue_tokens
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.auth import LONGEST_PASSWORD, customer_body, set_session_cookie, tokens_body
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import Resource, checked, public_id_in
from payerwatch.web.problems import NotFound

ANYONE_SIGNED_IN = Admits.ANYONE_SIGNED_IN


class PeopleOnly(Refusal):
    """A key has no account of its own to manage."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("Only a person who signed in can do this.", fix="Sign in as a person; a key cannot.")


class Choice(serializers.Serializer):
    customer = serializers.CharField(max_length=24, help_text="cus_…")
    reason = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="an operator's reason, which the customer can read"
    )


class PasswordChange(serializers.Serializer):
    current = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    new = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class OwnPasswordGiven(serializers.Serializer):
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class Code(serializers.Serializer):
    code = serializers.CharField(max_length=40)


class PasswordAndCode(OwnPasswordGiven, Code):
    pass


class SessionBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="ses_…")
    current = serializers.SerializerMethodField(help_text="whether it is the one that asks")

    class Meta:
        model = Session
        fields = [
            "id",
            "kind",
            "address",
            "agent",
            "with_second_factor",
            "created_at",
            "seen_at",
            "expires_at",
            "current",
        ]

    def get_current(self, session: Session) -> bool:
        asking: Session | None = self.context["view"].caller.session
        return asking is not None and asking.pk == session.pk


class OwnAccount(Resource):
    """What belongs to the person who calls, in whichever customer. Raises PeopleOnly before a body is read."""

    admits = ANYONE_SIGNED_IN

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if self.caller.person is None:
            raise PeopleOnly

    @property
    def person(self) -> Person:
        if self.caller.person is None:
            raise PeopleOnly
        return self.caller.person

    @property
    def session(self) -> Session:
        if self.caller.session is None:
            raise PeopleOnly
        return self.caller.session


class Me(Resource):
    thing = "person"
    admits = ANYONE_SIGNED_IN
    may: ClassVar = {"show": ANYONE_SIGNED_IN}

    def show(self, _request: Request) -> Response:
        caller = self.caller
        shows_customer = caller.key is None or caller.may(Permission.READ_CUSTOMER)
        return Response(
            {
                "kind": caller.actor.kind,
                "id": caller.actor.id,
                "name": caller.actor.name,
                "role": caller.actor.role or None,
                "permissions": sorted(caller.permissions),
                "customer": customer_body(caller.customer) if shows_customer else None,
                "customers": [customer_body(each) for each in customers_of(caller.person)] if caller.person else [],
                "second_factor_needed": caller.confined,
            }
        )


class ActingCustomer(OwnAccount):
    """Where the caller acts: one of their customers or, for an operator with a reason, any."""

    thing = "customer"
    enters_itself = True
    verbs: ClassVar = {"enter": "enter", "leave": "leave"}
    may: ClassVar = {"enter": ANYONE_SIGNED_IN, "leave": ANYONE_SIGNED_IN}

    def enter(self, request: Request) -> Response:
        asked = checked(Choice, request)
        session, actor = self.session, self.caller.actor
        own = customers_of(self.person).filter(public_id=asked["customer"]).first()
        if own is not None and not (self.person.is_operator and asked["reason"]):
            return self._moved(session, sessions.enter_customer(session, own, actor=actor))
        customer = Customer.objects.filter(public_id=asked["customer"]).first() if self.person.is_operator else None
        if customer is None:
            raise NotFound
        return self._moved(session, sessions.enter_as_operator(session, customer, asked["reason"], actor=actor))

    def leave(self, _request: Request) -> Response:
        return self._moved(self.session, sessions.leave_customer(self.session, actor=self.caller.actor))

    def _moved(self, session: Session, secret: str) -> Response:
        body: dict[str, Any] = {"customer": customer_body(session.customer)}
        if session.kind == Session.Kind.PROGRAM:
            return Response({**body, **tokens_body(issue_tokens(session, secret))})
        response = Response(body)
        set_session_cookie(response, session, secret)
        return response


class OwnPassword(OwnAccount):
    thing = "person"
    verbs: ClassVar = {"change": "change_password"}
    fields_meant: ClassVar = {passwords.PasswordWrong: "current", passwords.PasswordUnusable: "new"}
    may: ClassVar = {"change": ANYONE_SIGNED_IN}

    def change(self, request: Request) -> Response:
        asked = checked(PasswordChange, request)
        passwords.change_password(
            self.person, asked["current"], asked["new"], actor=self.caller.actor, keeping=self.session
        )
        return Response(status=204)


class OwnSessions(OwnAccount):
    thing = "session"
    verbs: ClassVar = {"end": "sign_out", "end_all": "sign_out"}
    may: ClassVar = dict.fromkeys(("list", "end", "end_all"), ANYONE_SIGNED_IN)

    def list(self, _request: Request) -> Response:
        found = sessions.sessions_of(self.person)[:100]
        return Response({"results": SessionBody(found, many=True, context={"view": self}).data})

    def end(self, _request: Request, public_id: str) -> Response:  # noqa: ARG002
        session = sessions.sessions_of(self.person).filter(public_id=public_id_in(self.kwargs)).first()
        if session is None:
            raise NotFound
        sessions.end_session(session, "ended_by_person", actor=self.caller.actor)
        return Response(status=204)

    def end_all(self, _request: Request) -> Response:
        """Sign out everywhere, here too."""
        sessions.end_sessions_of(self.person, because="signed_out_everywhere", actor=self.caller.actor)
        response = Response(status=204)
        response.delete_cookie(SESSION_COOKIE, path="/", samesite="Lax")
        return response


class OwnSecondFactor(OwnAccount):
    thing = "person"
    verbs: ClassVar = {
        "start": "start_second_factor",
        "confirm": "enable_second_factor",
        "disable": "disable_second_factor",
        "renew": "renew_recovery_codes",
    }
    may: ClassVar = dict.fromkeys(("show", "start", "confirm", "disable", "renew"), ANYONE_SIGNED_IN)

    def show(self, _request: Request) -> Response:
        enabled = second_factor.has_second_factor(self.person)
        left = second_factor.recovery_codes_left(self.person) if enabled else 0
        return Response({"enabled": enabled, "recovery_codes_left": left})

    def start(self, request: Request) -> Response:
        password = checked(OwnPasswordGiven, request)["password"]
        enrolment = second_factor.start_second_factor(self.person, password=password, actor=self.caller.actor)
        return Response({"secret": enrolment.secret, "uri": enrolment.uri}, status=201)

    def confirm(self, request: Request) -> Response:
        code = checked(Code, request)["code"]
        codes = second_factor.confirm_second_factor(self.person, code, actor=self.caller.actor, keeping=self.session)
        return Response({"recovery_codes": codes})

    def disable(self, request: Request) -> Response:
        asked = checked(PasswordAndCode, request)
        second_factor.disable_second_factor(
            self.person,
            password=asked["password"],
            code=asked["code"],
            actor=self.caller.actor,
            keeping=self.session,
        )
        return Response(status=204)

    def renew(self, request: Request) -> Response:
        code = checked(Code, request)["code"]
        codes = second_factor.new_recovery_codes(self.person, code=code, actor=self.caller.actor)
        return Response({"recovery_codes": codes})
