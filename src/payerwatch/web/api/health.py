"""`health/`: whether the server answers. Never throttled, and open to all."""

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.door import Admits
from payerwatch.web.api.resource import Gives, Resource


class HealthBody(serializers.Serializer):
    status = serializers.ChoiceField(["pass"], help_text="pass: the server answers")


class Health(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    throttle = None
    answers_any_host = True  # asked by address, from the machine itself
    may: ClassVar = {"show": Admits.ANYONE}
    gives: ClassVar = {"show": Gives(HealthBody)}

    def show(self, request: Request) -> Response:
        """Ask whether the server answers."""
        return self.answer({"status": "pass"})
