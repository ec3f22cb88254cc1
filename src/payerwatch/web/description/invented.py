"""The invented practice that all examples are of: values by the field's name, by the body, and by the answer."""

from collections.abc import Mapping
from typing import Any

_ACCESS = "eyJhbGciOiJIUzI1NiJ9.eyJzZXMiOiIxIn0.c2lnbmF0dXJl"
_REFRESH = "eyJhbGciOiJIUzI1NiJ9.eyJzZXMiOiIyIn0.c2lnbmF0dXJl"
_LINK_SECRET = "Qm8yX1c0dFJzN0hKazJMcDlOdjVaYTF4"
_LATER = "2026-01-05T13:00:42Z"
_IN_A_WEEK, _IN_A_YEAR = "2026-01-12T13:00:00Z", "2027-01-05T13:00:00Z"

# By the field's name, where its kind alone would say little.
BY_NAME: Mapping[str, Any] = {
    "access": _ACCESS,
    "address": "192.0.2.7",
    "agent": "Mozilla/5.0",
    "allowed_addresses": ["192.0.2.0/24"],
    "amount_at_risk": 4180.5,
    "claim_number": "A-1042",
    "code": "123456",
    "code_from": "98940",
    "code_to": "98942",
    "count_is_capped": False,
    "cpt": "97110",
    "cpt_group": "physical_therapy",
    "csrf_token": "n3Vb8sKq1RtYw6ZxC4mPd7Hf2JgLa9TuE5oWi0SvBkXyNzQrMcGhDjFpUlAe4I8O",
    "current": "apples under nine bridges",
    "cursor": None,
    "data_feed_stalled": False,
    "date_order": "mdy",
    "dropped_columns": ["Patient Name"],
    "email": "ann@example.com",
    "expires_in": 900,
    "filename": "claims.csv",
    "invited_by": "per_4t7wz9k2m5p8rc3x",
    "issued_by": "per_4t7wz9k2m5p8rc3x",
    "key": "pw_live_…",
    "last_used_address": "192.0.2.7",
    "name": "Ann Example",
    "new": "pears above eleven rivers",
    "next": None,
    "password": "apples under nine bridges",
    "payer": "Aetna",
    "previous": None,
    "raw_name": "AETNA INC",
    "reason": "to help with their last upload",
    "recovery_codes": ["h7k2mq-w9x4tr-c6n8vd", "p3s5zb-j2f7kw-r8m4xt"],
    "refresh": _REFRESH,
    "request_id": "5d2f9a41c07be8836a14f0d2",
    "role": "analyst",
    "secret": "JBSWY3DPEHPK3PXP",
    "status": None,
    "time_zone": "America/Chicago",
    "uri": "otpauth://totp/Payerwatch:ann@example.com?secret=JBSWY3DPEHPK3PXP",
}

_KEY: Mapping[str, Any] = {
    "name": "Practice system",
    "prefix": "pw_live_1_lNNf",
    "scopes": ["claims.read", "events.read"],
    "rotated_from": None,
    "expires_at": _IN_A_YEAR,
    "last_used_at": _LATER,
    "revoked_at": None,
}
_CUSTOMER: Mapping[str, Any] = {"name": "Example practice"}
_EVENT: Mapping[str, Any] = {
    "measure": "denial_rate",
    "cpt_group": "physical_therapy",
    "first_week": "2025-08-18",
    "certainty": "very_likely",
    "sentence": (
        "Aetna began denying more claims for physical therapy: 31 of 118 decided since Aug 4 were denied where about"
        " 14 were expected (about 14 points more). Most extra denials: authorization. About $4,200 at risk. Very"
        " likely real."
    ),
}
_RATE: Mapping[str, Any] = {"decided": 118, "denied": 31, "denial_rate": 0.2627}
_RUN: Mapping[str, Any] = {
    "state": "done",
    "as_of": "2025-09-02",
    "ended_at": _LATER,
    "as_of_week": "2025-08-25",
    "series_checked": 24,
    "tests": 62,
    "not_judged": {"too_few": 7},
    "opened": 1,
    "updated": 2,
    "closed": 0,
    "same_as": None,
    "refusal": None,
}
_SENTENCE = _EVENT["sentence"]
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_ENDPOINT: Mapping[str, Any] = {
    "channel": "webhook",
    "url": "https://practice.example.com/hooks/payerwatch",
    "name": "Practice system",
    "event_types": [],
    "disabled_because": "",
    "disabled_at": None,
    "failing_since": None,
    "paused_until": None,
}
_TERMS: Mapping[str, Any] = {
    "name": "Denials at Aetna",
    "measure": "denial_rate",
    "direction": "worse",
    "level": "",
    "certainty": "likely",
    "least_amount": 10000.0,
    "payer": "Aetna",
    "cpt_group": "physical_therapy",
    "recipients": ["mbr_4t7wz9k2m5p8rc3x"],
    "endpoints": [],
    "cadence": "instant",
    "digest_hour": 7,
    "quiet_from": None,
    "quiet_until": None,
    "cool_down_hours": 24,
}
_MAPPED: Mapping[str, Any] = {
    "payer": "Ins Co", "cpt": "Procedure", "submitted_date": "Sent", "outcome": "Status", "decided_date": "Decided",
}  # fmt: skip

# By the body's name and the field's, where it is another there than wherever else it is named so.
BY_BODY: Mapping[str, Mapping[str, Any]] = {
    "AcceptanceRequest": {"token": f"cus_4t7wz9k2m5p8rc3x.{_LINK_SECRET}"},
    "AccessTokenRequest": {"token": _ACCESS},
    "AlertBody": {
        **{name: _EVENT[name] for name in ("measure", "cpt_group", "certainty", "sentence")},
        "episode": 1,
        "escalation": 0,
        "state": "sent",
        "waits_for": "",
        "because": "",
        "due_at": None,
        "settled_at": _LATER,
    },
    "AttemptBody": {"started_at": _LATER, "status": 204, "failure": "", "milliseconds": 82, "excerpt": ""},
    "AcknowledgingRequest": {"note": "Asked the payer on Monday."},
    "ApiKeyBody": _KEY,
    "ClaimBody": {
        "service_date": "2025-12-29",
        "billed_amount": 125.0,
        "allowed_amount": None,
        "paid_amount": None,
        "outcome": "denied",
        "status": "denied",
        "decided_date": "2026-01-26",
        "denial_code": "197",
        "denial_category": "authorization",
        "first_outcome": "denied",
        "first_decided_date": "2026-01-26",
        "first_denial_category": "authorization",
    },
    "CustomerBody": _CUSTOMER,
    "CustomerNamed": _CUSTOMER,
    "DashboardBody": {"loaded_until": "2025-09-02", "stale": False},
    "DriftEventBody": {
        **_EVENT,
        "parent": None,
        "alert_week": "2025-08-25",
        "as_of_week": "2025-08-25",
        "closed_week": None,
        "window": {"kind": "decided", "weeks": 4, "first_week": "2025-08-04", "last_week": "2025-08-25"},
        "observed": 31,
        "expected": 14.2,
        "effect": 0.136,
        "p_value": 0.00002,
        "q_value": 0.0009,
        "claims": 118,
        "top_denial_category": "authorization",
        "provisional": False,
        "returned_from": None,
        "triage": "new",
        "triage_reason": "",
        "snoozed_until": None,
        "note": "",
    },
    "DriftRunBody": _RUN,
    "ChangedEndpointRequest": {name: _ENDPOINT[name] for name in ("url", "name", "event_types")},
    "ChangedRuleRequest": _TERMS,
    "CallingNoiseRequest": {"reason": "our_data", "note": None},
    "ClosingRequest": {"reason": "fixed_with_payer", "note": None},
    "EndpointBody": _ENDPOINT,
    "EndpointWithSecretBody": {**_ENDPOINT, "secret": _SECRET},
    "EntryBody": {
        "position": 1042,
        "actor_kind": "person",
        "actor_id": "per_4t7wz9k2m5p8rc3x",
        "actor_name": "Ann Example",
        "role": "owner",
        "verb": "map",
        "thing_kind": "payer_mapping",
        "thing_id": "map_1042",
        "outcome": "done",
        "detail": {"before": {"payer": "Aetna Inc"}, "after": {"payer": "Aetna"}},
    },
    "IndexBody": {
        "documentation": "/api/v1/docs/",
        "routes": {"claims": {"address": "/api/v1/claims/", "methods": ["GET"]}},
    },
    "InvitationBody": {"email": "bo@example.com", "role": "viewer", "expires_at": _IN_A_WEEK},
    "IssuedKeyBody": {**_KEY, "last_used_at": None, "last_used_address": ""},
    "Judged": {
        "week": "2025-08-25",
        "loaded_until": "2025-09-02",
        "series": 24,
        "tests": 62,
        "not_judged": {"too_few": 7},
        "false_discovery_rate": 0.1,
        "very_likely_rate": 0.01,
    },
    "LinkOnItsWay": {"detail": "If somebody has this address, a link is on its way to them."},
    "MeBody": {"permissions": ["claims.read", "events.read"], "second_factor_needed": False},
    "MemberBody": {"role": "analyst"},
    "MemberJoined": {"role": "analyst"},
    "FeedbackRequest": {"verdict": "real", "reason": "policy_change", "recovered_amount": 4180.5, "note": None},
    "MessageBody": {
        "recipient": None, "type": "alert.raised", "about": "alr_4t7wz9k2m5p8rc3x", "state": "delivered",
        "attempts_made": 1, "due_at": None, "settled_at": _LATER,
    },
    "NewEndpointRequest": {name: _ENDPOINT[name] for name in ("url", "channel", "name", "event_types")},
    "NewInvitationRequest": {"email": "bo@example.com", "role": "viewer"},
    "NewKeyRequest": {"name": "Practice system", "scopes": ["claims.read", "events.read"]},
    "NewRuleRequest": _TERMS,
    "NotingRequest": {"note": "Asked the payer on Monday."},
    "NewPasswordRequest": {"token": _LINK_SECRET},
    "NewRoleRequest": {"role": "analyst"},
    "PayerBody": {"name": "Aetna", "spellings": 2, "claims": 1480},
    "PayerNow": {**_RATE, "submitted": 124, "baseline": {"decided": 1490, "denied": 180, "denial_rate": 0.1208}},
    "PayerSummaryBody": {
        "claims": 1480,
        "decided": 1400,
        "denied": 168,
        "denial_rate": 0.12,
        "denial_rate_of": 1400,
        "days_to_decision": 18.4,
        "billed_amount": 185000.0,
        "allowed_amount": 118400.0,
        "paid_amount": 97200.0,
    },
    "RecentUploads": {"days": 7, "uploads": 1, "rows": 1500, "set_aside": 20},
    "ReplayBody": {
        "weeks": 13, "would_have_sent": 11, "confirmed": 9, "noise": 1,
        "sentence": (
            "In the last 90 days it would have sent 11, 9 of them later confirmed, 1 found to be noise."
        ),
    },
    "RuleBody": {
        **_TERMS,
        "sentence": (
            "Tell 1 person and all endpoints that subscribe at once when the denial rate rises, likely or more, at"
            " least $10,000, payer Aetna, for physical therapy."
        ),
    },
    "SnoozingRequest": {"until": "worse", "date": None, "note": None},
    "SessionBody": {"seen_at": _LATER, "expires_at": "2026-01-06T01:00:00Z"},
    "Since": {"uploads_loaded": 0, "uploads_undone": 0, "mappings_changed": False},
    "TopEvent": _EVENT,
    "UndoneBody": {
        "state": "undone", "removed_claims": 1400, "restored_claims": 60, "events_set_back": 1, "repeated_by": [],
    },
    "UploadBody": {
        "state": "loaded",
        "size_bytes": 182_400,
        "received_bytes": 182_400,
        "rows": 1500,
        "accepted": 1480,
        "set_aside": 20,
        "new_claims": 1400,
        "updated_claims": 60,
        "unchanged_claims": 20,
        "reasons": {"submitted_date_missing": 20},
        "mapping": _MAPPED,
        "first_date": "2025-12-01",
        "stage": "",
        "done": 0,
        "total": 0,
        "refusal": None,
        "repeats": "",
        "detection_due": False,
        "loaded_at": _LATER,
        "undone_at": None,
    },
    "VerdictBody": {"kind": "real", "reason": "policy_change", "recovered_amount": 4180.5, "note": None},
    "UploadCounts": {
        "files": 3,
        "rows": 4500,
        "accepted": 4440,
        "set_aside": 60,
        "by_state": {"loaded": 3},
        "by_reason": {"submitted_date_missing": 60},
    },
}  # fmt: skip

# By the operation, where its answer shows the thing in another state than it has later.
BY_ANSWER: Mapping[str, Mapping[str, Any]] = {
    "uploads_create": {
        **dict.fromkeys(
            ("rows", "accepted", "set_aside", "new_claims", "updated_claims", "unchanged_claims"), 0
        ),
        **dict.fromkeys(("first_date", "last_date", "loaded_at"), None),
        "state": "received",
        "reasons": {},
        "mapping": {},
        "dropped_columns": [],
        "date_order": "",
    },
    "drift_runs_create": {
        **dict.fromkeys(("series_checked", "tests", "ended_at", "as_of_week", "pending_known", "data_feed_stalled")),
        "state": "requested",
        "as_of": "2026-01-05",
        "not_judged": {},
        "opened": 0,
        "updated": 0,
        "changed_events": False,
    },
}  # fmt: skip
