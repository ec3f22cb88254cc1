"""`me/`: who is calling, where they act, and what they manage of their own account."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members import passwords, second_factor, sessions
from payerwatch.members.door import SESSION_COOKIE, Admits
from payerwatch.members.guesses import TooManyGuesses
from payerwatch.members.models import Session
from payerwatch.members.queries import customers_of
from payerwatch.members.roles import Permission
from payerwatch.members.secrets import CredentialRefused
from payerwatch.members.tokens import issue_tokens
from payerwatch.tenancy.models import Customer
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.web.api.auth import LONGEST_PASSWORD, CustomerNamed, TokensBody, set_session_cookie
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.for_people import ForPeople
from payerwatch.web.api.resource import NOTHING, Gives, Resource, public_id_in
from payerwatch.web.problems import NotFound

ANYONE_SIGNED_IN = Admits.ANYONE_SIGNED_IN
_GUESSING = (TooManyGuesses, ThrottleUnavailable)


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


class MeBody(serializers.Serializer):
    kind = serializers.ChoiceField(["person", "key"])
    id = serializers.CharField(help_text="per_… or key_…")
    name = serializers.CharField()
    role = serializers.CharField(allow_null=True, help_text="in the customer")
    permissions = serializers.ListField(child=serializers.ChoiceField([each.value for each in Permission]))
    customer = CustomerNamed(allow_null=True, help_text="whom you act in")
    customers = CustomerNamed(many=True, help_text="those a person may act in")
    second_factor_needed = serializers.BooleanField(help_text="whether an authenticator must be set up first")


class MovedBody(TokensBody):
    """A program is given its new tokens, a browser a new cookie."""

    customer = CustomerNamed(allow_null=True, help_text="whom you act in now")
    access = serializers.CharField(required=False, help_text="for `Authorization: Bearer …`")
    refresh = serializers.CharField(required=False, help_text="for the next tokens, once")
    token_type = serializers.ChoiceField(["Bearer"], required=False)
    expires_in = serializers.IntegerField(required=False, help_text="seconds for which `access` is good")


class SecondFactorBody(serializers.Serializer):
    enabled = serializers.BooleanField()
    recovery_codes_left = serializers.IntegerField()


class EnrolmentBody(serializers.Serializer):
    secret = serializers.CharField(help_text="for the authenticator, in base32")
    uri = serializers.CharField(help_text="the same as an otpauth address, for a QR code")


class RecoveryCodes(serializers.Serializer):
    recovery_codes = serializers.ListField(child=serializers.CharField(), help_text="each is good once; shown once")


class OwnSessionsBody(serializers.Serializer):
    results = SessionBody(many=True)


class Me(Resource):
    thing = "person"
    admits = ANYONE_SIGNED_IN
    may: ClassVar = {"show": ANYONE_SIGNED_IN}
    gives: ClassVar = {"show": Gives(MeBody)}

    def show(self, request: Request) -> Response:
        """Who is asking, where they act, and what they may do there."""
        caller = self.caller
        shows_customer = caller.key is None or caller.may(Permission.READ_CUSTOMER)
        return self.answer(
            {
                "kind": caller.actor.kind,
                "id": caller.actor.id,
                "name": caller.actor.name,
                "role": caller.actor.role or None,
                "permissions": sorted(caller.permissions),
                "customer": caller.customer if shows_customer else None,
                "customers": customers_of(caller.person) if caller.person else [],
                "second_factor_needed": caller.confined,
            }
        )


class ActingCustomer(ForPeople):
    """Where the caller acts: one of their customers or, for an operator with a reason, any."""

    thing = "customer"
    enters_itself = True
    verbs: ClassVar = {"enter": "enter", "leave": "leave"}
    may: ClassVar = {"enter": ANYONE_SIGNED_IN, "leave": ANYONE_SIGNED_IN}
    takes: ClassVar = {"enter": Choice}
    gives: ClassVar = {"enter": Gives(MovedBody), "leave": Gives(MovedBody)}
    refuses: ClassVar = {
        "enter": [sessions.CustomerNotOpen, sessions.ReasonMissing, CredentialRefused],
        "leave": [CredentialRefused],
    }

    def enter(self, request: Request) -> Response:
        """Enter a customer. A program is given new tokens, a browser a new cookie; an operator gives a reason."""
        asked = self.body()
        session, actor = self.session, self.caller.actor
        own = customers_of(self.person).filter(public_id=asked["customer"]).first()
        if own is not None and not (self.person.is_operator and asked["reason"]):
            return self._moved(session, sessions.enter_customer(session, own, actor=actor))
        customer = Customer.objects.filter(public_id=asked["customer"]).first() if self.person.is_operator else None
        if customer is None:
            raise sessions.CustomerNotOpen
        return self._moved(session, sessions.enter_as_operator(session, customer, asked["reason"], actor=actor))

    def leave(self, request: Request) -> Response:
        """Leave the customer. The session goes on in none."""
        return self._moved(self.session, sessions.leave_customer(self.session, actor=self.caller.actor))

    def _moved(self, session: Session, secret: str) -> Response:
        moved: dict[str, Any] = {"customer": session.customer}
        if session.kind == Session.Kind.PROGRAM:
            return self.answer({**moved, **asdict(issue_tokens(session, secret)), "token_type": "Bearer"})
        response = self.answer(moved)
        set_session_cookie(response, session, secret)
        return response


class OwnPassword(ForPeople):
    thing = "person"
    verbs: ClassVar = {"change": "change_password"}
    fields_meant: ClassVar = {passwords.PasswordWrong: "current", passwords.PasswordUnusable: "new"}
    may: ClassVar = {"change": ANYONE_SIGNED_IN}
    takes: ClassVar = {"change": PasswordChange}
    gives: ClassVar = {"change": NOTHING}
    refuses: ClassVar = {"change": [passwords.PasswordWrong, passwords.PasswordUnusable, *_GUESSING]}

    def change(self, request: Request) -> Response:
        """Change one's own password. All other sessions end."""
        asked = self.body()
        passwords.change_password(
            self.person, asked["current"], asked["new"], actor=self.caller.actor, keeping=self.session
        )
        return self.answer()


class OwnSessions(ForPeople):
    thing = "session"
    verbs: ClassVar = {"end": "sign_out", "end_all": "sign_out"}
    may: ClassVar = dict.fromkeys(("list", "end", "end_all"), ANYONE_SIGNED_IN)
    gives: ClassVar = {"list": Gives(OwnSessionsBody), "end": NOTHING, "end_all": NOTHING}

    def list(self, request: Request) -> Response:
        """The sessions in which one is signed in now."""
        found = sessions.sessions_of(self.person)[:100]
        return self.answer({"results": found})

    def end(self, request: Request, public_id: str) -> Response:
        """End one of one's own sessions."""
        session = sessions.sessions_of(self.person).filter(public_id=public_id_in(self.kwargs)).first()
        if session is None:
            raise NotFound
        sessions.end_session(session, "ended_by_person", actor=self.caller.actor)
        return self.answer()

    def end_all(self, request: Request) -> Response:
        """Sign out everywhere, here too."""
        sessions.end_sessions_of(self.person, because="signed_out_everywhere", actor=self.caller.actor)
        response = self.answer()
        response.delete_cookie(SESSION_COOKIE, path="/", samesite="Lax")
        return response


class OwnSecondFactor(ForPeople):
    thing = "person"
    verbs: ClassVar = {
        "start": "start_second_factor",
        "confirm": "enable_second_factor",
        "disable": "disable_second_factor",
        "renew": "renew_recovery_codes",
    }
    may: ClassVar = dict.fromkeys(("show", "start", "confirm", "disable", "renew"), ANYONE_SIGNED_IN)
    takes: ClassVar = {"start": OwnPasswordGiven, "confirm": Code, "disable": PasswordAndCode, "renew": Code}
    gives: ClassVar = {
        "show": Gives(SecondFactorBody),
        "start": Gives(EnrolmentBody, HTTPStatus.CREATED),
        "disable": NOTHING,
        **dict.fromkeys(("confirm", "renew"), Gives(RecoveryCodes)),
    }
    refuses: ClassVar = {
        "start": [passwords.PasswordWrong, second_factor.SecondFactorExists, *_GUESSING],
        "confirm": [
            second_factor.NoSecondFactor, second_factor.SecondFactorExists, second_factor.CodeWrong, *_GUESSING,
        ],
        "disable": [
            second_factor.SecondFactorKept, passwords.PasswordWrong, second_factor.NoSecondFactor,
            second_factor.CodeWrong, *_GUESSING,
        ],
        "renew": [second_factor.NoSecondFactor, second_factor.CodeWrong, *_GUESSING],
    }  # fmt: skip

    def show(self, request: Request) -> Response:
        """Ask whether an authenticator is set up, and how many recovery codes are left."""
        enabled = second_factor.has_second_factor(self.person)
        left = second_factor.recovery_codes_left(self.person) if enabled else 0
        return self.answer({"enabled": enabled, "recovery_codes_left": left})

    def start(self, request: Request) -> Response:
        """Begin to set up an authenticator. It counts once its first code has confirmed it."""
        password = self.body()["password"]
        enrolment = second_factor.start_second_factor(self.person, password=password, actor=self.caller.actor)
        return self.answer(enrolment)

    def confirm(self, request: Request) -> Response:
        """Confirm an authenticator by its first code. The recovery codes are in this answer only."""
        code = self.body()["code"]
        codes = second_factor.confirm_second_factor(self.person, code, actor=self.caller.actor, keeping=self.session)
        return self.answer({"recovery_codes": codes})

    def disable(self, request: Request) -> Response:
        """Disable the authenticator. Other sessions end."""
        asked = self.body()
        second_factor.disable_second_factor(
            self.person,
            password=asked["password"],
            code=asked["code"],
            actor=self.caller.actor,
            keeping=self.session,
        )
        return self.answer()

    def renew(self, request: Request) -> Response:
        """Get new recovery codes. The old ones are good no more."""
        code = self.body()["code"]
        codes = second_factor.new_recovery_codes(self.person, code=code, actor=self.caller.actor)
        return self.answer({"recovery_codes": codes})
