"""What the door says to those it does not let in."""

from django.db import InterfaceError, InternalError, OperationalError, connection
from psycopg_pool import PoolTimeout

from payerwatch.refusals import Kind, Refusal
from payerwatch.throttling.verdict import Verdict

LEFT_IDLE = "25P03"  # the SQL state of a transaction that lay open for too long: the server ended its connection
CONNECTION_LOST = ("08", "57P")  # how SQL states begin: of connections, and of servers that are stopped


class NoCustomerChosen(Refusal):
    """The session acts in no customer yet."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("You act in no customer yet.", fix="Choose one of yours first: POST /api/v1/me/customer/")


class SecondFactorRequired(Refusal):
    """The customer asks for a second factor, and this session was opened without."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__(
            "This customer asks everyone to sign in with an authenticator.",
            fix="Set one up under /api/v1/me/second-factor/, then sign in again with its code.",
        )


class ForeignRequest(Refusal):
    """A request with a session's cookie that may have been made by another site."""

    kind = Kind.NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__(
            "The request carries no token that shows it comes from Payerwatch's own pages.",
            fix="Send the token of GET /api/v1/auth/sign-in/ in the header X-CSRFToken, and the page's own Origin.",
        )


class TooManyRequests(Refusal):
    """The caller has used up what the throttle allows for now."""

    kind = Kind.TOO_MANY

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("You have made too many requests for now.", fix=f"Try again in {verdict.retry_after} seconds.")
        self.verdict = verdict


class Busy(Refusal):
    """The database is busy or does not answer."""

    kind = Kind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("The database is busy or does not answer. Nothing was changed.", fix="Try again in a moment.")


class OutcomeUnknown(Refusal):
    """The database broke off while it kept what was asked for: it may have been kept, or not."""

    kind = Kind.UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(
            "The database broke off while it kept what you asked for. It may have been kept, or not.",
            fix="With an Idempotency-Key, send it again with the same; else look whether it is there before you do.",
        )


class BodyTooLarge(Refusal):
    """The request's body is longer than any that is read into memory there."""

    def __init__(self) -> None:
        super().__init__(
            "The body is too large.", fix="Send less at once: a large claims file in slices, by uploads/resumable/."
        )


class BodyLate(Refusal):
    """The request's body did not arrive in time, or not to its end."""

    def __init__(self) -> None:
        super().__init__("The request did not arrive in time.", fix="Send all of it at once.")


def gave_no_answer(error: Exception) -> bool:
    """Whether the database is busy or away, or has broken off what took too long: no mistake of anybody's."""
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", None) == LEFT_IDLE
    return isinstance(error, OperationalError | InterfaceError)


def broke_off(error: Exception) -> bool:
    """Whether the connection broke, so that nobody said what became of the transaction.

    What the server itself refuses has a state, and was undone; but for its farewell, and for what a pool says that lost
    its server. SQLite is in the same process, and undoes what it fails to keep.
    """
    cause = error.__cause__
    if connection.vendor != "postgresql" or isinstance(cause, PoolTimeout):
        return False
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(CONNECTION_LOST)
