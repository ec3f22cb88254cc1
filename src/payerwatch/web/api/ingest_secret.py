"""`ingest/secret/`: what senders sign batches with. Its text is in one answer only."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.deliveries.signing import new_secret
from payerwatch.members import ingest_secrets
from payerwatch.members.authority import NoLongerYours
from payerwatch.members.roles import Permission
from payerwatch.web.api.resource import NOTHING, Gives, Resource


class SecretBody(serializers.Serializer):
    is_set = serializers.BooleanField(read_only=True, help_text="whether batches must be signed")
    made_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="since when with the present secret")
    old_ends_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="until when the secret before it is good too"
    )


class NewSecretBody(SecretBody):
    secret = serializers.CharField(read_only=True, help_text="the secret's text, which is in this answer only")

    def to_representation(self, made: tuple[ingest_secrets.SecretsNow, str]) -> dict[str, Any]:
        now, text = made
        return {**SecretBody(now).data, "secret": text}


class SecretOverlap(serializers.Serializer):
    overlap_hours = serializers.IntegerField(
        default=24, min_value=0, max_value=24, help_text="for how long the secret before it stays good"
    )


class IngestSecrets(Resource):
    """What senders sign batches with."""

    thing = "ingest_secret"
    may: ClassVar = dict.fromkeys(("show", "rotate", "remove"), Permission.MANAGE_KEYS)
    takes: ClassVar = {"rotate": SecretOverlap}
    gives: ClassVar = {
        "show": Gives(SecretBody),
        "rotate": Gives(NewSecretBody, HTTPStatus.CREATED),
        "remove": NOTHING,
    }
    refuses: ClassVar = {
        "rotate": [NoLongerYours, ingest_secrets.IngestSecretRotatedAlready],
        "remove": [NoLongerYours, ingest_secrets.IngestSecretNotSet],
    }

    def show(self, request: Request) -> Response:
        """Whether batches must be signed, and since when."""
        return self.answer(ingest_secrets.secrets_now())

    def rotate(self, request: Request) -> Response:
        """Make a secret, or the next one: from now on batches must be signed. Its text is in this answer only."""
        overlap = timedelta(hours=self.body()["overlap_hours"])
        text = new_secret()
        made = ingest_secrets.set_secret(text, overlap=overlap, actor=self.caller.actor)
        return self.answer((made, text))

    def remove(self, request: Request) -> Response:
        """Take the secret away: batches are taken unsigned again."""
        ingest_secrets.remove_secret(actor=self.caller.actor)
        return self.answer()
