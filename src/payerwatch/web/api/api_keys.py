"""`api-keys/`: the keys by which programs act in the customer. A key's text is in one answer only."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members import keys
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.models import ApiKey
from payerwatch.members.roles import SCOPES, Permission
from payerwatch.web.api.fields import PublicId
from payerwatch.web.api.resource import NOTHING, Gives, Listed, Resource, Shown


class ApiKeyBody(serializers.ModelSerializer):
    id = PublicId(source="public_id", help_text="key_…")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(sorted(SCOPES)),
        max_length=len(SCOPES),
        read_only=True,
        help_text="what it may do",
    )
    allowed_addresses = serializers.ListField(
        child=serializers.CharField(max_length=50),
        max_length=keys.MOST_ADDRESSES,
        read_only=True,
        help_text="networks it may call from; none means any",
    )
    rotated_from = PublicId(source="rotated_from.public_id", default=None, help_text="key_… that this one follows")

    class Meta:
        model = ApiKey
        fields = [
            "id", "name", "prefix", "scopes", "allowed_addresses", "issued_by", "rotated_from", "created_at",
            "expires_at", "last_used_at", "last_used_address", "revoked_at",
        ]  # fmt: skip


class IssuedKeyBody(ApiKeyBody):
    key = serializers.CharField(read_only=True, help_text="the key's text, which is in this answer only")

    class Meta(ApiKeyBody.Meta):
        fields = [*ApiKeyBody.Meta.fields, "key"]

    def to_representation(self, issued: keys.IssuedKey) -> dict[str, Any]:
        return {**ApiKeyBody(issued.key).data, "key": issued.text}


class NewKey(serializers.Serializer):
    name = serializers.CharField(max_length=100, help_text="what the key is for")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(sorted(SCOPES)), min_length=1, max_length=len(SCOPES), help_text="what it may do"
    )
    expires_in_days = serializers.IntegerField(default=keys.DEFAULT_DAYS, help_text="1 to 730")
    allowed_addresses = serializers.ListField(
        child=serializers.CharField(max_length=50),
        default=list,
        max_length=keys.MOST_ADDRESSES,
        help_text="networks it may call from; none means any",
    )


class Overlap(serializers.Serializer):
    overlap_hours = serializers.IntegerField(
        default=24, min_value=0, max_value=168, help_text="for how long the old key stays good"
    )


class ApiKeys(Listed, Shown, Resource):
    thing = "key"
    verbs: ClassVar = {"create": "issue", "destroy": "revoke"}
    may: ClassVar = dict.fromkeys(("list", "retrieve", "create", "rotate", "destroy"), Permission.MANAGE_KEYS)
    takes: ClassVar = {"create": NewKey, "rotate": Overlap}
    gives: ClassVar = {
        **dict.fromkeys(("create", "rotate"), Gives(IssuedKeyBody, HTTPStatus.CREATED)),
        "destroy": NOTHING,
    }
    refuses: ClassVar = {
        "create": [NoLongerYours, keys.UnknownScope, keys.KeyTermsUnusable],
        "rotate": [
            NoLongerYours, keys.UnknownScope, keys.KeyTermsUnusable, keys.UnknownKey, keys.KeyRotatedAlready,
        ],
        "destroy": [NoLongerYours, keys.UnknownKey],
    }  # fmt: skip
    queryset = ApiKey.objects.select_related("rotated_from")
    order = ("-pk",)
    serializer_class = ApiKeyBody

    def create(self, request: Request) -> Response:
        """Issue a key. Its text is in this answer only, so keep it now."""
        asked = self.body()
        assert self.caller.customer is not None
        return self.answer(keys.issue_key(self.caller.customer, **asked, actor=self.caller.actor))

    def rotate(self, request: Request, public_id: str) -> Response:
        """Issue a key's successor with the same terms. The old one stays good for the overlap."""
        overlap = timedelta(hours=self.body()["overlap_hours"])
        return self.answer(keys.rotate_key(self.get_object(), overlap=overlap, actor=self.caller.actor))

    def destroy(self, request: Request, public_id: str) -> Response:
        """Revoke a key. It opens nothing from the next request on."""
        keys.revoke_key(self.get_object(), actor=self.caller.actor)
        return self.answer()
