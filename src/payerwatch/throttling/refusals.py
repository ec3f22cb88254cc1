"""What throttling refuses: a rate nobody can read, and to guess when the counts cannot be reached."""

from payerwatch.refusals import Kind, Refusal


class RateUnreadable(Refusal):
    """The text is not a rate: a whole number of times per a window of fixed length."""


class ThrottleUnavailable(Refusal):
    """The counts could not be read and written in time, so nothing was counted.

    Whether that means no (signing in) or yes (reading) is for the caller to decide.
    """

    kind = Kind.UNAVAILABLE
