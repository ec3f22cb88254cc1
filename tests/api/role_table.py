"""Who reaches which action: what is expected, written apart from the code that decides.

A caller reaches an action when neither the door nor the table of roles turns them away; what they ask for may
still be refused for what it is.
"""

ANYONE = frozenset(
    {
        "owner", "admin", "analyst", "viewer", "operator inside", "operator outside", "member of both", "key",
        "key that cannot read", "anonymous", "suspended", "person of the other",
    }
)  # fmt: skip
NOT_KNOWN = frozenset({"anonymous", "suspended", "person of the other"})
SIGNED_IN = ANYONE - NOT_KNOWN
PEOPLE = SIGNED_IN - {"key", "key that cannot read"}
# Whoever acts in the customer and may read; a key by its scope.
READERS = SIGNED_IN - {"operator outside", "key that cannot read"}
WORKERS = READERS - {"viewer"}
# The scope of that key is to load.
LOADERS = WORKERS | {"key that cannot read"}
MANAGERS = frozenset({"owner", "admin", "operator inside"})
AUDITORS = MANAGERS | {"key"}

ALLOWED: dict[str, frozenset[str]] = {
    "Index.show": ANYONE,
    "Health.show": ANYONE,
    "Description.show": ANYONE,
    "Documentation.show": ANYONE,
    "Documentation.style": ANYONE,
    "Documentation.errors": ANYONE,
    "Documentation.error": ANYONE,
    "SignIn.prepare": ANYONE,
    "SignIn.open": ANYONE,
    "SignOut.close": PEOPLE,
    "Token.open": ANYONE,
    "Token.refresh": ANYONE,
    "Token.verify": ANYONE,
    "PasswordReset.ask": ANYONE,
    "PasswordReset.confirm": ANYONE,
    "AcceptInvitation.accept": ANYONE,
    "Me.show": SIGNED_IN,
    "ActingCustomer.enter": PEOPLE,
    "ActingCustomer.leave": PEOPLE,
    "OwnPassword.change": PEOPLE,
    "OwnSessions.list": PEOPLE,
    "OwnSessions.end": PEOPLE,
    "OwnSessions.end_all": PEOPLE,
    "OwnSecondFactor.show": PEOPLE,
    "OwnSecondFactor.start": PEOPLE,
    "OwnSecondFactor.confirm": PEOPLE,
    "OwnSecondFactor.disable": PEOPLE,
    "OwnSecondFactor.renew": PEOPLE,
    "Customers.list": SIGNED_IN - {"key that cannot read"},
    "Customers.retrieve": SIGNED_IN - {"key that cannot read"},
    "Settings.show": READERS,
    "Settings.change": MANAGERS,
    "Claims.list": READERS,
    "Claims.retrieve": READERS,
    "PayerSummary.list": READERS,
    "EventClaims.list": READERS,
    "Uploads.list": READERS,
    "Uploads.retrieve": READERS,
    "Uploads.rejected_rows": READERS,
    "Uploads.stats": READERS,
    "Uploads.create": LOADERS,
    "Uploads.undo": LOADERS,
    "ResumableUploads.offer": LOADERS,
    "ResumableUploads.begin": LOADERS,
    "ResumableUploads.progress": LOADERS,
    "ResumableUploads.append": LOADERS,
    "ResumableUploads.give_up": LOADERS,
    "IngestClaims.create": LOADERS,
    "IngestClaims.retrieve": LOADERS,
    "IngestSecrets.show": MANAGERS,
    "IngestSecrets.rotate": MANAGERS,
    "IngestSecrets.remove": MANAGERS,
    "DriftEvents.list": READERS,
    "DriftEvents.retrieve": READERS,
    "ActiveEvents.list": READERS,
    "Dashboard.show": READERS,
    **dict.fromkeys((f"DriftEvents.{each}" for each in ("acknowledge", "snooze", "noise", "close", "note")), WORKERS),
    "Rules.list": READERS,
    "Rules.retrieve": READERS,
    "Rules.replay": READERS,
    "Rules.create": MANAGERS,
    "Rules.partial_update": MANAGERS,
    "Rules.destroy": MANAGERS,
    "Reports.list": READERS,
    "Reports.retrieve": READERS,
    "Reports.csv": READERS,
    "Reports.create": WORKERS,
    "Reports.issue": WORKERS,
    "Alerts.list": READERS,
    "Alerts.retrieve": READERS,
    "Alerts.feedback": WORKERS,
    "Alerts.release": WORKERS,
    "Endpoints.list": MANAGERS,
    "Endpoints.retrieve": MANAGERS,
    "Endpoints.create": MANAGERS,
    "Endpoints.partial_update": MANAGERS,
    "Endpoints.destroy": MANAGERS,
    "Endpoints.rotate": MANAGERS,
    "Endpoints.test": MANAGERS,
    "Endpoints.recover": MANAGERS,
    "Messages.list": MANAGERS,
    "Messages.retrieve": MANAGERS,
    "Messages.resend": MANAGERS,
    "Attempts.list": MANAGERS,
    "DriftRuns.list": READERS,
    "DriftRuns.retrieve": READERS,
    "DriftRuns.create": LOADERS,
    "Payers.list": READERS,
    "Payers.retrieve": READERS,
    "PayerMappings.list": READERS,
    "PayerMappings.retrieve": READERS,
    "PayerMappings.create": WORKERS,
    "PayerMappings.partial_update": WORKERS,
    "CptGroupMappings.list": READERS,
    "CptGroupMappings.retrieve": READERS,
    "CptGroupMappings.create": WORKERS,
    "CptGroupMappings.partial_update": WORKERS,
    "CptGroupMappings.destroy": WORKERS,
    "Members.list": MANAGERS,
    "Members.retrieve": MANAGERS,
    "Members.partial_update": MANAGERS,
    "Members.suspend": MANAGERS,
    "Members.resume": MANAGERS,
    "Members.destroy": MANAGERS,
    "Invitations.list": MANAGERS,
    "Invitations.create": MANAGERS,
    "Invitations.resend": MANAGERS,
    "Invitations.destroy": MANAGERS,
    "ApiKeys.list": MANAGERS,
    "ApiKeys.retrieve": MANAGERS,
    "ApiKeys.create": MANAGERS,
    "ApiKeys.rotate": MANAGERS,
    "ApiKeys.destroy": MANAGERS,
    "AuditEntries.list": AUDITORS,
    "AuditEntries.retrieve": AUDITORS,
    "AuditEntries.export": AUDITORS,
}
# What a key of one scope alone reaches, beside what any key does.
BY_SCOPE: dict[str, frozenset[str]] = {
    "audit.read": frozenset({"AuditEntries.list", "AuditEntries.retrieve", "AuditEntries.export"}),
    "claims.load": frozenset(
        {
            "DriftRuns.create",
            "IngestClaims.create",
            "IngestClaims.retrieve",
            "Uploads.create",
            "Uploads.undo",
            "ResumableUploads.offer",
            "ResumableUploads.begin",
            "ResumableUploads.progress",
            "ResumableUploads.append",
            "ResumableUploads.give_up",
        }
    ),
    "claims.read": frozenset(
        {
            "Claims.list",
            "Claims.retrieve",
            "EventClaims.list",
            "PayerSummary.list",
            "Uploads.list",
            "Uploads.retrieve",
            "Uploads.rejected_rows",
            "Uploads.stats",
        }
    ),
    "customer.read": frozenset({"Customers.list", "Customers.retrieve", "Settings.show"}),
    "events.read": frozenset(
        {
            "ActiveEvents.list",
            "Alerts.list",
            "Alerts.retrieve",
            "Dashboard.show",
            "DriftEvents.list",
            "DriftEvents.retrieve",
            "DriftRuns.list",
            "DriftRuns.retrieve",
            "Reports.csv",
            "Reports.list",
            "Reports.retrieve",
            "Rules.list",
            "Rules.replay",
            "Rules.retrieve",
        }
    ),
    "events.triage": frozenset(
        {
            "Alerts.feedback",
            "Alerts.release",
            "DriftEvents.acknowledge",
            "DriftEvents.close",
            "DriftEvents.noise",
            "DriftEvents.note",
            "DriftEvents.snooze",
            "Reports.create",
            "Reports.issue",
        }
    ),
    "mappings.manage": frozenset(
        {
            "CptGroupMappings.create",
            "CptGroupMappings.destroy",
            "CptGroupMappings.partial_update",
            "PayerMappings.create",
            "PayerMappings.partial_update",
        }
    ),
    "mappings.read": frozenset(
        {
            "CptGroupMappings.list",
            "CptGroupMappings.retrieve",
            "PayerMappings.list",
            "PayerMappings.retrieve",
            "Payers.list",
            "Payers.retrieve",
        }
    ),
}
# The codes of answers that turn a caller away before what they ask for is looked at.
TURNED_AWAY = frozenset({"caller_not_known", "no_customer_chosen", "not_permitted", "people_only"})


def may_reach(action: str, caller: str) -> bool:
    return caller in ALLOWED.get(action, frozenset())
