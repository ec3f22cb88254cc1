"""The list of what the API offers."""

from typing import Any

from django.urls import URLPattern, path

from payerwatch.web.api import auth, me
from payerwatch.web.api.active_events import ActiveEvents
from payerwatch.web.api.alerts import Alerts
from payerwatch.web.api.api_keys import ApiKeys
from payerwatch.web.api.audit_entries import AuditEntries
from payerwatch.web.api.claims import Claims
from payerwatch.web.api.cpt_group_mappings import CptGroupMappings
from payerwatch.web.api.customers import Customers
from payerwatch.web.api.dashboard import Dashboard
from payerwatch.web.api.documentation import Description, Documentation
from payerwatch.web.api.drift_events import DriftEvents
from payerwatch.web.api.drift_runs import DriftRuns
from payerwatch.web.api.endpoints import Endpoints
from payerwatch.web.api.event_claims import EventClaims
from payerwatch.web.api.health import Health
from payerwatch.web.api.index import Index
from payerwatch.web.api.ingest import IngestClaims
from payerwatch.web.api.ingest_secret import IngestSecrets
from payerwatch.web.api.invitations import Invitations
from payerwatch.web.api.members import Members
from payerwatch.web.api.messages import Attempts, Messages
from payerwatch.web.api.payer_mappings import PayerMappings
from payerwatch.web.api.payer_summary import PayerSummary
from payerwatch.web.api.payers import Payers
from payerwatch.web.api.reports import Reports
from payerwatch.web.api.resource import Resource
from payerwatch.web.api.resumable_uploads import ResumableUploads
from payerwatch.web.api.rules import Rules
from payerwatch.web.api.settings import Settings
from payerwatch.web.api.uploads import Uploads


def listed(route: str, view: type[Resource], **methods: str) -> URLPattern:
    """A route and what each method does there, as names of the view's actions."""
    actions: dict[str, Any] = dict(methods)
    return path(route, view.as_view(actions), name=f"{view.__name__}.{'.'.join(actions.values())}")


ROUTES = [
    listed("health/", Health, get="show"),
    listed("auth/sign-in/", auth.SignIn, get="prepare", post="open"),
    listed("auth/sign-out/", auth.SignOut, post="close"),
    listed("auth/token/", auth.Token, post="open"),
    listed("auth/token/refresh/", auth.Token, post="refresh"),
    listed("auth/token/verify/", auth.Token, post="verify"),
    listed("auth/password-reset/", auth.PasswordReset, post="ask"),
    listed("auth/password-reset/confirm/", auth.PasswordReset, post="confirm"),
    listed("auth/invitation/", auth.AcceptInvitation, post="accept"),
    listed("me/", me.Me, get="show"),
    listed("me/customer/", me.ActingCustomer, post="enter", delete="leave"),
    listed("me/password/", me.OwnPassword, post="change"),
    listed("me/sessions/", me.OwnSessions, get="list", delete="end_all"),
    listed("me/sessions/<str:public_id>/", me.OwnSessions, delete="end"),
    listed("me/second-factor/", me.OwnSecondFactor, get="show", post="start", delete="disable"),
    listed("me/second-factor/confirm/", me.OwnSecondFactor, post="confirm"),
    listed("me/recovery-codes/", me.OwnSecondFactor, post="renew"),
    listed("alerts/", Alerts, get="list"),
    listed("alerts/<str:public_id>/", Alerts, get="retrieve"),
    listed("alerts/<str:public_id>/feedback/", Alerts, post="feedback"),
    listed("alerts/<str:public_id>/release/", Alerts, post="release"),
    listed("api-keys/", ApiKeys, get="list", post="create"),
    listed("api-keys/<str:public_id>/", ApiKeys, get="retrieve", delete="destroy"),
    listed("api-keys/<str:public_id>/rotate/", ApiKeys, post="rotate"),
    listed("audit-entries/", AuditEntries, get="list"),
    listed("audit-entries/export/", AuditEntries, get="export"),
    listed("audit-entries/<str:public_id>/", AuditEntries, get="retrieve"),
    listed("claims/", Claims, get="list"),
    listed("claims/payer_summary/", PayerSummary, get="list"),
    listed("claims/<str:public_id>/", Claims, get="retrieve"),
    listed("cpt-group-mappings/", CptGroupMappings, get="list", post="create"),
    listed(
        "cpt-group-mappings/<str:public_id>/",
        CptGroupMappings,
        get="retrieve",
        patch="partial_update",
        delete="destroy",
    ),
    listed("customers/", Customers, get="list"),
    listed("customers/<str:public_id>/", Customers, get="retrieve"),
    listed("dashboard/", Dashboard, get="show"),
    listed("docs/", Documentation, get="show"),
    listed("docs/style.css", Documentation, get="style"),
    listed("docs/errors/", Documentation, get="errors"),
    listed("docs/errors/<str:code>/", Documentation, get="error"),
    listed("drift-events/", DriftEvents, get="list"),
    listed("drift-events/active/", ActiveEvents, get="list"),
    listed("drift-events/<str:public_id>/", DriftEvents, get="retrieve"),
    *(
        listed(f"drift-events/<str:public_id>/{action}/", DriftEvents, post=action)
        for action in ("acknowledge", "snooze", "noise", "close", "note")
    ),
    listed("drift-events/<str:public_id>/claims/", EventClaims, get="list"),
    listed("drift-runs/", DriftRuns, get="list", post="create"),
    listed("drift-runs/<str:public_id>/", DriftRuns, get="retrieve"),
    listed("endpoints/", Endpoints, get="list", post="create"),
    listed("endpoints/<str:public_id>/", Endpoints, get="retrieve", patch="partial_update", delete="destroy"),
    listed("endpoints/<str:public_id>/rotate/", Endpoints, post="rotate"),
    listed("endpoints/<str:public_id>/test/", Endpoints, post="test"),
    listed("endpoints/<str:public_id>/recover/", Endpoints, post="recover"),
    listed("ingest/claims/", IngestClaims, post="create"),
    listed("ingest/claims/<str:public_id>/", IngestClaims, get="retrieve"),
    listed("ingest/secret/", IngestSecrets, get="show", post="rotate", delete="remove"),
    listed("invitations/", Invitations, get="list", post="create"),
    listed("invitations/<str:public_id>/", Invitations, delete="destroy"),
    listed("invitations/<str:public_id>/resend/", Invitations, post="resend"),
    listed("members/", Members, get="list"),
    listed("members/<str:public_id>/", Members, get="retrieve", patch="partial_update", delete="destroy"),
    listed("members/<str:public_id>/suspend/", Members, post="suspend"),
    listed("members/<str:public_id>/resume/", Members, post="resume"),
    listed("messages/", Messages, get="list"),
    listed("messages/<str:public_id>/", Messages, get="retrieve"),
    listed("messages/<str:public_id>/attempts/", Attempts, get="list"),
    listed("messages/<str:public_id>/resend/", Messages, post="resend"),
    listed("payer-mappings/", PayerMappings, get="list", post="create"),
    listed("payer-mappings/<str:public_id>/", PayerMappings, get="retrieve", patch="partial_update"),
    listed("payers/", Payers, get="list"),
    listed("payers/<str:public_id>/", Payers, get="retrieve"),
    listed("reports/", Reports, get="list", post="create"),
    listed("reports/<str:public_id>/", Reports, get="retrieve"),
    listed("reports/<str:public_id>/csv/", Reports, get="csv"),
    listed("reports/<str:public_id>/issue/", Reports, post="issue"),
    listed("rules/", Rules, get="list", post="create"),
    listed("rules/<str:public_id>/", Rules, get="retrieve", patch="partial_update", delete="destroy"),
    listed("rules/<str:public_id>/replay/", Rules, get="replay"),
    listed("schema/", Description, get="show"),
    listed("settings/", Settings, get="show", patch="change"),
    listed("uploads/", Uploads, get="list", post="create"),
    listed("uploads/resumable/", ResumableUploads, post="begin", options="offer"),
    listed("uploads/resumable/<str:public_id>/", ResumableUploads, head="progress", patch="append", delete="give_up"),
    listed("uploads/stats/", Uploads, get="stats"),
    listed("uploads/<str:public_id>/", Uploads, get="retrieve"),
    listed("uploads/<str:public_id>/rejected-rows/", Uploads, get="rejected_rows"),
    listed("uploads/<str:public_id>/undo/", Uploads, post="undo"),
]
urlpatterns = [path("", Index.as_view({"get": "show"}, routes=ROUTES), name="Index.show"), *ROUTES]
