"""`health/`: whether the server answers. Never throttled, and open to all."""

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.door import Admits
from payerwatch.web.api.resource import Resource


class Health(Resource):
    thing = "installation"
    admits = Admits.ANYONE
    throttle = None
    answers_any_host = True  # asked by address, from the machine itself
    may: ClassVar = {"show": Admits.ANYONE}

    def show(self, _request: Request) -> Response:
        return Response({"status": "pass"})
