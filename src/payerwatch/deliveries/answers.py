"""What came of one attempt, as it may be kept: nothing in it is of the message that was sent, nor secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

ADDRESS_REFUSED = "address_refused"
NAME_NOT_FOUND = "name_not_found"
CONNECT_TIMEOUT = "connect_timeout"
TIMEOUT = "timeout"
TLS_FAILED = "tls_failed"
CONNECTION_FAILED = "connection_failed"
ANSWER_UNREADABLE = "answer_unreadable"
SENDING_FAILED = "sending_failed"

# What each word of `Answer.failure` tells whoever mends it.
FAILURES = {
    ADDRESS_REFUSED: "The address must not be dialled: it is not public, or not written as it must be.",
    NAME_NOT_FOUND: "The host's name leads to no address.",
    CONNECT_TIMEOUT: "Nothing took the connection in time.",
    TIMEOUT: "The answer was not there, or not whole, in time.",
    TLS_FAILED: "The connection could not be secured: see the certificate, its end and the host's name in it.",
    CONNECTION_FAILED: "The connection was refused or broken off.",
    SENDING_FAILED: "A mistake in Payerwatch kept it from being sent: the operator's log tells where.",
    ANSWER_UNREADABLE: "What came back is no answer in HTTP.",
}


@dataclass(frozen=True)
class Answer:
    """A status or a failure, never both: a failure is that no whole answer came, in one of our words (`FAILURES`).

    `excerpt` is the beginning of the answer's body without what looks secret or personal; `retry_after` is the header
    as it was written; `headers` are a few that say nothing of anybody.
    """

    status: int | None
    failure: str = ""
    milliseconds: int = 0
    excerpt: str = ""
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
