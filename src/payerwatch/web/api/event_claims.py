"""`drift-events/{id}/claims/`: the claims an event is about. Every answer that shows claims is on the record."""

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.audit.record import Thing
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import claims_behind
from payerwatch.members.roles import Permission
from payerwatch.web.api.claims import ClaimBody
from payerwatch.web.api.resource import Listed, Resource, public_id_in
from payerwatch.web.problems import NotFound


class EventClaims(Listed, Resource):
    """Claims denied in the event's window, or still waiting at its end, the oldest first."""

    thing = "drift_event"
    may: ClassVar = {"list": Permission.READ_CLAIMS}
    reading_is_recorded = True
    shown_as = "claims"
    order = ("submitted_date", "pk")
    serializer_class = ClaimBody

    def get_queryset(self) -> Any:
        event = DriftEvent.objects.select_related("payer").filter(public_id=public_id_in(self.kwargs)).first()
        if event is None:
            raise NotFound
        return claims_behind(event).select_related("payer", "upload")

    def list(self, request: Request, public_id: str) -> Response:  # type: ignore[override]
        """The claims behind the event, as they are now."""
        return super().list(request)

    def record_reading(self, thing: Thing, **about: Any) -> None:
        """Claims were shown: those of the event."""
        of_event = {**about.pop("filter"), "drift_event": public_id_in(self.kwargs)}
        super().record_reading(Thing("claim"), filter=of_event, **about)
