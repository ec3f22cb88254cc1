"""`members/`: the people of the customer, and their roles."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members import actions
from payerwatch.members.authority import RoleNotYours
from payerwatch.members.models import Member
from payerwatch.members.queries import UnknownMember, members
from payerwatch.members.roles import Permission, Role
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import NOTHING, Gives, Listed, Resource, Shown

ROLES = [role.value for role in Role.of_members()]


class MemberBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="mbr_…")
    person = PublicId(source="person.public_id", help_text="per_…")
    name = serializers.CharField(source="person.name", read_only=True)
    email = serializers.CharField(source="person.email", read_only=True)
    has_second_factor = serializers.BooleanField(read_only=True)

    class Meta:
        model = Member
        fields = ["id", "person", "name", "email", "role", "state", "has_second_factor", "joined_at"]


class NewRole(serializers.Serializer):
    role = serializers.ChoiceField(ROLES)


class Members(Listed, Shown, Resource):
    thing = "member"
    verbs: ClassVar = {"partial_update": "change_role", "destroy": "remove"}
    may: ClassVar = {
        "list": Permission.READ_MEMBERS,
        "retrieve": Permission.READ_MEMBERS,
        **dict.fromkeys(("partial_update", "suspend", "resume", "destroy"), Permission.MANAGE_MEMBERS),
    }
    takes: ClassVar = {"partial_update": NewRole}
    gives: ClassVar = {
        **dict.fromkeys(("partial_update", "suspend", "resume"), Gives(MemberBody)),
        "destroy": NOTHING,
    }
    refuses: ClassVar = {
        "partial_update": [RoleNotYours, actions.OwnRoleRaised, actions.LastOwner, UnknownMember],
        "resume": [RoleNotYours, UnknownMember],
        **dict.fromkeys(("suspend", "destroy"), (RoleNotYours, actions.LastOwner, UnknownMember)),
    }
    order = ("pk",)
    serializer_class = MemberBody

    def get_queryset(self) -> Any:
        return members()

    def partial_update(self, request: Request, public_id: str) -> Response:
        """Change a member's role."""
        role = self.body()["role"]
        return self._now(actions.change_role(self.get_object(), role, actor=self.caller.actor))

    def suspend(self, request: Request, public_id: str) -> Response:
        """Suspend a member. Their sessions in the customer open nothing until they are let in again."""
        return self._now(actions.suspend_member(self.get_object(), actor=self.caller.actor))

    def resume(self, request: Request, public_id: str) -> Response:
        """Let a suspended member in again."""
        return self._now(actions.resume_member(self.get_object(), actor=self.caller.actor))

    def destroy(self, request: Request, public_id: str) -> Response:
        """Remove a member. Keys they issued stay, since programs depend on them."""
        actions.remove_member(self.get_object(), actor=self.caller.actor)
        return self.answer()

    def _now(self, member: Member) -> Response:
        return self.answer(self.with_id(member.public_id))
