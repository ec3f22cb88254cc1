"""What was found when something was looked at, and what that means for the whole."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Status(StrEnum):
    """In the words of the health check response format for HTTP APIs (draft-inadarei-api-health-check)."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


_GRAVITY = list(Status)


@dataclass(frozen=True)
class Finding:
    """`check` is named `thing:measurement`. `says` is for people: words of ours, and nothing that is a secret."""

    check: str
    status: Status
    at: datetime
    value: float | str | None = None
    unit: str = ""
    says: str = ""


def worst(findings: Iterable[Finding]) -> Status:
    return max((each.status for each in findings), key=_GRAVITY.index, default=Status.PASS)


def graded(value: float | None, *, warn_above: float, fail_above: float) -> Status:
    """Of a measurement that is the worse the larger it is; None is nothing that could be bad."""
    if value is None or value <= warn_above:
        return Status.PASS
    return Status.FAIL if value > fail_above else Status.WARN
