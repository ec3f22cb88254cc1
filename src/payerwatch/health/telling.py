"""How the installation is doing, looked at by whoever asks and at most once a second.

The form is that of draft-inadarei-api-health-check-06. Nobody has to say who they are, so nothing in it is a secret:
no address, no path, no name of a customer or a person.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from payerwatch.health import checks
from payerwatch.health.findings import Finding, Status, worst
from payerwatch.health.lookout import Lookout
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.connections import ask_apart


class NotReady(Refusal):
    """This process should not be asked anything now: the database, its tables, the disk or the queue are not there."""

    kind = Kind.UNAVAILABLE

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(
            " ".join(reasons), fix="GET /api/v1/health/ tells more, and so does payerwatch check --deploy."
        )


def findings(asked: float | None = None) -> list[Finding]:
    """Within a second of that moment of `time.monotonic()`, or of this one, whatever hangs."""
    return _lookout.found(asked)


def why_not_ready() -> list[str]:
    """The reasons for which this process should not be asked anything now; none where it may."""
    return [each.says for each in findings() if each.status is Status.FAIL and each.check in checks.NEEDED]


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
        found = [checks.database(), checks.disk()]
        for check, look in _OF_TABLES.items():
            found += _looked_at(check, look)
        return found
    except (DatabaseError, InterfaceError):
        return _without_database()
    finally:
        connection.close()


def _looked_at(check: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What is found; where that table cannot be asked, that. Raises DatabaseError where the database went away."""
    try:
        return list(look())
    except (DatabaseError, InterfaceError):
        if not connection.is_usable():
            raise
        return [checks.not_known(check)]


def _without_database() -> list[Finding]:
    return [checks.no_database(), checks.disk()]


_OF_TABLES = {
    "migrations:pending": checks.migrations,
    "queue:responseTime": checks.jobs,
    "outbox:lag": checks.outbox,
    "backup:age": checks.backup,
}
_lookout = Lookout(_look, _without_database)
