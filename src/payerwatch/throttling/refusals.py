"""What throttling refuses: a rate nobody can read, and to guess when the counts cannot be reached."""

from payerwatch.refusals import Kind, Refusal


class RateUnreadable(Refusal):
    """The text is not a rate: a whole number of times per a window of fixed length."""


class ThrottleUnavailable(Refusal):
    """The counts did not answer in time. What may not be tried uncounted, such as signing in, waits.

    Where the answer was lost on its way, the hit may count all the same.
    """

    kind = Kind.UNAVAILABLE
