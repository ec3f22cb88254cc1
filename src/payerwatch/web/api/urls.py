"""The list of what the API offers."""

from collections.abc import Mapping

from django.urls import URLPattern, path

from payerwatch.web.api.api_keys import ApiKeys
from payerwatch.web.api.claims import Claims
from payerwatch.web.api.drift_events import DriftEvents
from payerwatch.web.api.health import Health
from payerwatch.web.api.resource import Resource
from payerwatch.web.api.uploads import Uploads


def listed(route: str, view: type[Resource], **methods: str) -> URLPattern:
    """A route and what each method does there, as names of the view's actions."""
    actions: Mapping[str, str] = methods
    return path(route, view.as_view(actions), name=f"{view.__name__}.{'.'.join(actions.values())}")


urlpatterns = [
    listed("health/", Health, get="show"),
    listed("api-keys/", ApiKeys, get="list", post="create"),
    listed("api-keys/<str:public_id>/", ApiKeys, get="retrieve", delete="destroy"),
    listed("api-keys/<str:public_id>/rotate/", ApiKeys, post="rotate"),
    listed("claims/", Claims, get="list"),
    listed("claims/<str:public_id>/", Claims, get="retrieve"),
    listed("drift-events/", DriftEvents, get="list"),
    listed("drift-events/<str:public_id>/", DriftEvents, get="retrieve"),
    listed("uploads/", Uploads, get="list"),
    listed("uploads/<str:public_id>/", Uploads, get="retrieve"),
]
