"""`cpt-group-mappings/`: the customer's own groups of CPT and HCPCS codes, where they differ from ours."""

from http import HTTPStatus
from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch import pipeline
from payerwatch.claims.actions import CodeRangeUnusable, CptGroupNameUnusable, MappedAlready, UnknownCptGroupMapping
from payerwatch.claims.models import CptGroupMapping
from payerwatch.members.roles import Permission
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.numbered import Numbered
from payerwatch.web.api.resource import NOTHING, Gives, Listed, Resource, Shown


class CptGroupMappingBody(serializers.ModelSerializer):
    """One range of codes, both ends included, and its group."""

    id = PublicId(source="public_id", help_text="grp_…")

    class Meta:
        model = CptGroupMapping
        fields = ["id", "code_from", "code_to", "cpt_group"]
        extra_kwargs = {
            "code_from": {"help_text": "the first code of the range"},
            "code_to": {"help_text": "its last code"},
            "cpt_group": {"help_text": "the group these codes are counted in"},
        }


class NewCptGroup(serializers.Serializer):
    cpt_group = serializers.CharField(
        max_length=40, help_text="the group: one of ours, such as physical_therapy, or a name of your own"
    )


class NewCptGroupMapping(NewCptGroup):
    code_from = serializers.CharField(max_length=5, help_text="the first code, such as 97110")
    code_to = serializers.CharField(max_length=5, help_text="the last code, of the same kind; or the first again")


class CptGroupMappings(Numbered, Listed, Shown, Resource):
    """Groups of codes. Of several ranges the narrowest wins, the customer's before ours; claims loaded before follow
    a change, and the next drift run sees it."""

    thing, prefix = "cpt_group_mapping", "grp"
    verbs: ClassVar = {**dict.fromkeys(("create", "partial_update"), "map"), "destroy": "unmap"}
    refuses: ClassVar = {
        "create": [CodeRangeUnusable, CptGroupNameUnusable, MappedAlready],
        "partial_update": [CptGroupNameUnusable],
        "destroy": [UnknownCptGroupMapping],
    }
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), Permission.READ_MAPPINGS),
        **dict.fromkeys(("create", "partial_update", "destroy"), Permission.MANAGE_MAPPINGS),
    }
    takes: ClassVar = {"create": NewCptGroupMapping, "partial_update": NewCptGroup}
    gives: ClassVar = {
        "create": Gives(CptGroupMappingBody, HTTPStatus.CREATED, otherwise=HTTPStatus.OK),
        "partial_update": Gives(CptGroupMappingBody),
        "destroy": NOTHING,
    }
    guarded: ClassVar = frozenset({"partial_update", "destroy"})
    queryset = CptGroupMapping.objects.all()
    order = ("pk",)
    serializer_class = CptGroupMappingBody

    def hold(self) -> None:
        """Claims and then the customer's row, as whatever changes claims does."""
        pipeline.lock_claims_and_findings()

    def create(self, request: Request) -> Response:
        """Group a range of codes: 201 for a new range, 200 where exactly this one has this group already.

        One that has another group stays as it is (409 `mapped_already`): it is changed at its own address.
        """
        asked = self.body()
        return self._mapped(asked["code_from"], asked["code_to"], asked["cpt_group"], only_new=True)

    def partial_update(self, request: Request, public_id: str) -> Response:
        """Give the range another group."""
        group = self.body()["cpt_group"]
        mapping = self.get_object()
        return self._mapped(mapping.code_from, mapping.code_to, group)

    def destroy(self, request: Request, public_id: str) -> Response:
        """Take the grouping away: its codes go back to the next wider range of the customer's, or to ours."""
        assert self.caller.customer is not None
        pipeline.unmap_cpt_group(self.caller.customer, self.get_object(), actor=self.caller.actor)
        return self.answer()

    def _mapped(self, code_from: str, code_to: str, group: str, *, only_new: bool = False) -> Response:
        customer, actor = self.caller.customer, self.caller.actor
        assert customer is not None
        mapping, new = pipeline.map_cpt_group(customer, code_from, code_to, group, actor=actor, only_new=only_new)
        answer = self.answer(mapping)
        answer.status_code = HTTPStatus.CREATED if new else HTTPStatus.OK
        return answer
