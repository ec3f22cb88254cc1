"""`health/`: how the installation is doing. Never throttled, and open to all: nothing in it is a secret."""

from http import HTTPStatus
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.health.findings import Status
from payerwatch.health.telling import document
from payerwatch.members.door import Admits
from payerwatch.web.api.rendering import QuickJSON
from payerwatch.web.api.resource import Gives, Resource

STATUSES = [str(each) for each in Status]


class HealthJSON(QuickJSON):
    media_type = "application/health+json"


class CheckBody(serializers.Serializer):
    status = serializers.ChoiceField(STATUSES, help_text="what was found, by itself")
    time = serializers.DateTimeField(help_text="when it was looked at")
    observedValue = serializers.JSONField(  # noqa: N815
        required=False, help_text="what was measured: a number, or the name of a version"
    )
    observedUnit = serializers.CharField(required=False, help_text="of the number: ms, s, MiB, jobs")  # noqa: N815
    output = serializers.CharField(required=False, help_text="what is wrong, and what to do")


class HealthBody(serializers.Serializer):
    status = serializers.ChoiceField(STATUSES, help_text="the worst of all checks; with `fail` the answer is a 503")
    version = serializers.CharField(help_text="of this form")
    releaseId = serializers.CharField(help_text="which build answers")  # noqa: N815
    description = serializers.CharField(help_text="of what")
    checks = serializers.DictField(
        child=CheckBody(many=True), help_text="what was looked at, by `thing:measurement`, each with what was found"
    )


class Health(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    throttle = None
    answers_any_host = True  # asked by address, from the machine itself
    renderer_classes = [HealthJSON]
    may: ClassVar = {"show": Admits.ANYONE}
    gives: ClassVar = {"show": Gives(HealthBody, otherwise=HTTPStatus.SERVICE_UNAVAILABLE, form=HealthJSON.media_type)}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        """Whoever asks for JSON gets this, which is some."""
        return HealthJSON(), HealthJSON.media_type

    def show(self, request: Request) -> Response:
        """Ask how the installation is doing: the database, the disk, the queue, workers, messages, backups.

        `pass` and `warn` are answered 200, and `fail` 503, in the health check response format for HTTP APIs.
        """
        told: dict[str, Any] = document()
        failed = told["status"] == Status.FAIL
        return Response(told, status=HTTPStatus.SERVICE_UNAVAILABLE if failed else HTTPStatus.OK)
