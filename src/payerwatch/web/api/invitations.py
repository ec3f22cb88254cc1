"""`invitations/`: whom the customer has asked to become members and who has not answered; one that expired can be
sent again."""

from http import HTTPStatus
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.actions import AlreadyMember
from payerwatch.members.authority import RoleNotYours
from payerwatch.members.email_addresses import EmailUnusable
from payerwatch.members.invitations import (
    Invited,
    TooManyInvitations,
    invite,
    resend_invitation,
    withdraw_invitation,
)
from payerwatch.members.models import Invitation
from payerwatch.members.queries import UnknownInvitation
from payerwatch.members.roles import Permission
from payerwatch.throttling.refusals import ThrottleUnavailable
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.members import ROLES
from payerwatch.web.api.resource import NOTHING, Gives, Listed, Resource


class InvitationBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="inv_…")

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "invited_by", "created_at", "expires_at"]


class NewInvitation(serializers.Serializer):
    email = serializers.CharField(max_length=254)
    role = serializers.ChoiceField(ROLES)


class Invitations(Listed, Resource):
    thing = "invitation"
    verbs: ClassVar = {"create": "invite", "destroy": "withdraw"}
    may: ClassVar = {
        "list": Permission.READ_MEMBERS,
        **dict.fromkeys(("create", "resend", "destroy"), Permission.MANAGE_MEMBERS),
    }
    takes: ClassVar = {"create": NewInvitation}
    gives: ClassVar = {
        **dict.fromkeys(("create", "resend"), Gives(InvitationBody, HTTPStatus.CREATED)),
        "destroy": NOTHING,
    }
    refuses: ClassVar = {
        "create": [EmailUnusable, RoleNotYours, AlreadyMember, TooManyInvitations, ThrottleUnavailable],
        "resend": [UnknownInvitation, RoleNotYours, TooManyInvitations, ThrottleUnavailable],
        "destroy": [UnknownInvitation, RoleNotYours],
    }
    order = ("-pk",)
    serializer_class = InvitationBody

    queryset = Invitation.objects.filter(accepted_at=None, withdrawn_at=None)

    def create(self, request: Request) -> Response:
        """Invite somebody by e-mail. The link goes to their address alone."""
        asked = self.body()
        return self._sent(invite(asked["email"], asked["role"], actor=self.caller.actor))

    def resend(self, request: Request, public_id: str) -> Response:
        """Send an invitation again. Its link is new, and the one before opens nothing."""
        return self._sent(resend_invitation(self.get_object(), actor=self.caller.actor))

    def destroy(self, request: Request, public_id: str) -> Response:
        """Withdraw an invitation. Its link opens nothing from now on."""
        withdraw_invitation(self.get_object(), actor=self.caller.actor)
        return self.answer()

    def _sent(self, invited: Invited) -> Response:
        """The link goes by e-mail alone: whoever invites must not be able to accept in another's name."""
        return self.answer(invited.invitation)
