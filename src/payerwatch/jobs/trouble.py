"""What a step's failure says: whether it is worth to be tried again, and when."""

from datetime import timedelta

from django.db import DatabaseError, InterfaceError, OperationalError

from payerwatch.refusals import Kind, Refusal

MOST_ATTEMPTS = 5
_NOT_HELD = "PW001"
_BROKEN_OFF = "57014"  # the SQL state of a statement that was
_AFTER_A_FAULT = (5, 30, 120, 300)
_WHILE_AWAY = (1, 5, 15, 30)


def passes_by_itself(error: BaseException) -> bool:
    """The database is busy or gone, or something else that is needed does not answer: no fault of the step's.

    A statement that took too long would do so each time, so that is one.
    """
    if isinstance(error, Refusal):
        return error.kind is Kind.UNAVAILABLE
    if getattr(error.__cause__, "sqlstate", None) == _BROKEN_OFF:
        return False
    return isinstance(error, OperationalError | InterfaceError)


def taken_away(error: DatabaseError | InterfaceError) -> bool:
    """The job is another's by now, so that the database keeps nothing of it: `payerwatch_hold_job` says so."""
    return getattr(error.__cause__, "sqlstate", None) == _NOT_HELD


def pause_after_fault(attempts: int) -> timedelta:
    """Before the next attempt, after so many that failed."""
    return _nth(_AFTER_A_FAULT, attempts)


def pause_while_away(times: int) -> timedelta:
    """Before the next look, after so many times without an answer: longer and longer, up to half a minute."""
    return _nth(_WHILE_AWAY, times)


def _nth(pauses: tuple[int, ...], number: int) -> timedelta:
    return timedelta(seconds=pauses[min(max(number, 1), len(pauses)) - 1])
