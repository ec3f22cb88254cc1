"""How the installation is doing, looked at by whoever asks and at most once a second.

The form is that of draft-inadarei-api-health-check-06. Nobody has to say who they are, so nothing in it is a secret:
no address, no path, no name of a customer or a person.
"""

from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from payerwatch.health import checks
from payerwatch.health.findings import Finding, Status, worst
from payerwatch.health.lookout import Lookout
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.connections import ask_apart

NEEDED = ("database:responseTime", "migrations:pending", "disk:free")
"""What must not fail in a process that answers. The queue is a table, and asked with the database: where it cannot be,
that does not answer. That no worker runs, or that much waits, keeps nobody from reading."""


class NotReady(Refusal):
    """This process should not be asked anything now: the database, its tables, the disk or the queue are not there."""

    kind = Kind.UNAVAILABLE

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(
            " ".join(reasons), fix="GET /api/v1/health/ tells more, and so does payerwatch check --deploy."
        )


def findings() -> list[Finding]:
    """Within a second, whatever hangs."""
    return _lookout.found()


def why_not_ready() -> list[str]:
    """The reasons for which this process should not be asked anything now; none where it may."""
    return [each.says for each in findings() if each.status is Status.FAIL and each.check in NEEDED]


def document() -> dict[str, Any]:
    found = findings()
    return {
        "status": str(worst(found)),
        "version": "1",
        "releaseId": settings.BUILD,
        "description": "Payerwatch",
        "checks": {each.check: [_told(each)] for each in found},
    }


def _told(finding: Finding) -> dict[str, Any]:
    told: dict[str, Any] = {"status": str(finding.status), "time": finding.at}
    if finding.value is not None:
        told["observedValue"] = finding.value
    if finding.unit:
        told["observedUnit"] = finding.unit
    if finding.says:
        told["output"] = finding.says
    return told


def _look() -> list[Finding]:
    try:
        ask_apart()
        return [
            checks.database(),
            *checks.migrations(),
            checks.disk(),
            *checks.jobs(),
            *checks.outbox(),
            checks.backup(),
        ]
    except (DatabaseError, InterfaceError):
        return _without_database()
    finally:
        connection.close()


def _without_database() -> list[Finding]:
    return [checks.no_database(), checks.disk()]


_lookout = Lookout(_look, _without_database)
