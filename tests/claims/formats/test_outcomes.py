"""What exports call a payer's decision."""

import pytest

from payerwatch.claims.formats import outcomes
from payerwatch.claims.formats.outcomes import question_in, read_outcome

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (
            outcomes.PAID,
            "Paid|APPROVED|Processed|Finalized|1|2|3|19|Paid in full|Closed - Paid|Processed as Primary|P|01",
        ),
        (outcomes.PAID, "Payment posted|1 - Processed as Primary|Allowed|Settled|Reimbursed"),
        (outcomes.PARTIALLY_PAID, "Partially Paid|partial payment|Partial|Part Paid|Underpaid|Partially denied"),
        (
            outcomes.DENIED,
            "Denied|DENIAL|deny|4|D|Denied - CO 197|4 Denied|Processed - Denied|Disallowed|Appeal denied",
        ),
        (outcomes.APPEALED, "Appealed|In Appeal|Under appeal|Denied/Appealed|Reconsideration"),
        (outcomes.OVERTURNED, "Overturned|Denial overturned|Appeal won"),
        (
            outcomes.PENDING,
            "Pending|Open|Submitted|In process|Pended|On hold|In Review|Awaiting payment|Pending payment",
        ),
        (outcomes.PENDING, "Sent to payer|Accepted by payer|Billed|Not yet processed|Processing|Payment pending"),
        (outcomes.REJECTED, "Rejected|Rejected by clearinghouse|Returned"),
        (outcomes.NOT_A_DECISION, "Void|Voided|Reversed|22|23|25|Written off|Cancelled|Write-off"),
        (outcomes.UNKNOWN, "Closed|Maybe|Paid/Denied|7|Y|42|Foo"),
        (outcomes.MISSING, "|N/A|-| "),
        (outcomes.NOT_DENIED, "Not denied"),
        (outcomes.ACCEPTED, "Accepted"),
        (outcomes.NOT_PAID, "Not paid|Unpaid|Zero pay"),
    ],
)
def test_words_for_outcomes(expected: outcomes.Outcome, words: str) -> None:
    assert {word: read_outcome(word) for word in words.split("|")} == dict.fromkeys(words.split("|"), expected)


def test_yes_and_no_answer_the_question_in_the_header() -> None:
    assert (read_outcome("Yes", "denied"), read_outcome("n", "denied")) == (outcomes.DENIED, outcomes.NOT_DENIED)
    assert (read_outcome("TRUE", "paid"), read_outcome("0", "paid")) == (outcomes.PAID, outcomes.NOT_PAID)
    assert read_outcome("Pending", "denied") == outcomes.PENDING


@pytest.mark.parametrize(
    ("header", "asks"), [("Denied?", "denied"), ("Denial Flag", "denied"), ("Is Paid", "paid"), ("Claim Status", None)]
)
def test_the_question_in_a_header(header: str, asks: str | None) -> None:
    assert question_in(header) == asks
