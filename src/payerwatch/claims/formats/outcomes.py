"""What a payer decided, from the words, codes and yes or no of an export."""

import re
from typing import Literal, NamedTuple

from payerwatch.claims.formats.dates import is_blank

Asks = Literal["denied", "paid"]


class Outcome(NamedTuple):
    """The first decision's sense and the present status, or the problem that keeps the row out.

    `undecided_as` holds for a cell that means a decision only where a decision date stands beside it: without
    one the row is `pending`, or is set aside with the code given there.
    """

    outcome: str | None
    status: str | None
    problem: str | None = None
    undecided_as: str | None = None


PAID = Outcome("paid", "paid")
PARTIALLY_PAID = Outcome("paid", "partially_paid")
DENIED = Outcome("denied", "denied")
APPEALED = Outcome("denied", "appealed")
OVERTURNED = Outcome("denied", "paid")
PENDING = Outcome("pending", "pending")
# A clearinghouse's rejection is no decision: the claim never reached adjudication. Exports that put a decision
# date beside the word use it for denials.
REJECTED = Outcome("denied", "denied", undecided_as="rejected_before_decision")
NOT_A_DECISION = Outcome(None, None, "outcome_not_a_decision")
MISSING = Outcome(None, None, "outcome_missing")
UNKNOWN = Outcome(None, None, "outcome_unknown")
NOT_DENIED = Outcome("paid", "paid", undecided_as="pending")
NOT_PAID = Outcome("denied", "denied", undecided_as="pending")
# By the clearinghouse before a decision, by the payer with one.
ACCEPTED = Outcome("paid", "paid", undecided_as="pending")

_YES = frozenset(("yes", "y", "true", "t", "1", "x"))
_NO = frozenset(("no", "n", "false", "f", "0"))

# Claim status codes of the remittance (CLP02).
_REMITTANCE_CODES = {
    **dict.fromkeys(("1", "2", "3", "19", "20", "21"), PAID),
    "4": DENIED,
    **dict.fromkeys(("22", "23", "25"), NOT_A_DECISION),
}
_LETTERS = {"p": PAID, "d": DENIED, "a": APPEALED, "pd": PAID, "dn": DENIED, "den": DENIED, "ppd": PARTIALLY_PAID}
_PHRASES = {
    "not denied": NOT_DENIED,
    "accepted": ACCEPTED,
    **dict.fromkeys(("not paid", "unpaid", "no payment", "zero paid", "zero pay", "not approved"), NOT_PAID),
    **dict.fromkeys(("closed", "complete", "completed", "resolved", "adjudicated", "decided"), UNKNOWN),
}
# Word beginnings, the first line that matches decides.
_STEMS: tuple[tuple[Outcome, str], ...] = (
    (NOT_A_DECISION, r"void|revers|cancel|predetermin|test|delet|writt?en? ?off|write off|bad debt|transfer"),
    (OVERTURNED, r"overturn|appeal (?:won|approved|paid|granted|success)|paid (?:on|after) appeal"),
    (DENIED, r"upheld|appeal (?:denied|lost|rejected|exhausted)"),
    (APPEALED, r"appeal|reconsider|redetermin|grievance|dispute"),
    (PARTIALLY_PAID, r"partial|part (?:paid|pay)|underpaid|short ?paid|paid in part|reduced"),
)
_DENIES = r"den(?:y|ied|ial|ials)|disallow|declin|refus|nonpay|non pay"
_PAYS = r"paid|pay(?!er|or|ment (?:pend|due|await)|ing)|approv|allow|settled|remitted|reimburs|finali[sz]ed"
_WAITS = (
    r"pend|open|submit|in process|processing|in review|under review|review|on hold|hold|await|outstanding|new\b"
    r"|in progress|wip|sent|billed|transmitted|received|accepted|acknowledg|filed|queued|ready|suspend|develop"
    r"|forwarded|waiting|active|unresolved|not (?:yet )?(?:processed|decided|adjudicated|finali[sz]ed)|undecided"
)
_WAITS_FOR = re.compile(r"\b(?:pending|awaiting|waiting(?: for| on)?|due) (?:payment|remittance|decision|approval)\b")
_REJECTS = r"reject|return|invalid claim|unprocess"


def read_outcome(text: str, asks: Asks | None = None) -> Outcome:
    """What one cell says of the decision; `asks` is the question in the header of a yes/no column."""
    if is_blank(text):
        return MISSING
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split()).removesuffix(" 0")
    if asks is not None and words in _YES | _NO:
        said_yes = words in _YES
        if asks == "denied":
            return DENIED if said_yes else NOT_DENIED
        return PAID if said_yes else NOT_PAID
    exact = _PHRASES.get(words) or _REMITTANCE_CODES.get(words.lstrip("0")) or _LETTERS.get(words)
    return exact or _from_words(words)


def _from_words(words: str) -> Outcome:
    code = re.match(r"0*(\d{1,2}) [a-z]", words)
    rest = _WAITS_FOR.sub("pending", words[code.end() - 1 :] if code else words)
    for outcome, stems in _STEMS:
        if _begins(stems, rest):
            return outcome
    denies, waits = _begins(_DENIES, rest), _begins(_WAITS, rest)
    pays = _begins(_PAYS, rest)
    if rest.startswith("processed"):
        pays = not denies and not waits
    if denies and not pays:
        return DENIED
    if waits and not denies:
        return PENDING if not pays else UNKNOWN
    if _begins(_REJECTS, rest):
        return REJECTED
    return PAID if pays and not denies else UNKNOWN


def _begins(stems: str, words: str) -> bool:
    return re.search(rf"\b(?:{stems})", words) is not None


def question_in(header: str) -> Asks | None:
    """What a yes/no column asks, from its header: `Denied?`, `Is Paid`, `Denial Flag`."""
    words = header.lower()
    if re.search(r"den(?:ied|ial|y)|reject", words):
        return "denied"
    return "paid" if re.search(r"paid|approved|payment", words) else None
