"""What a billing manager is told of a drift event."""

from dataclasses import replace
from datetime import date

import pytest

from payerwatch.drift.sentences import CATEGORY_WORDS, CERTAINTY_WORDS, EventFacts, group_phrase, sentence

pytestmark = pytest.mark.pure

DENIALS = EventFacts(
    measure="denial_rate",
    payer="Aetna",
    cpt_group_label="Physical therapy",
    direction="worse",
    tier="alert",
    certainty="very_likely",
    observed=31,
    expected=14.2,
    effect=0.136,
    claims=118,
    window_weeks=4,
    window_start=date(2025, 8, 4),
    window_kind="decided",
    amount_at_risk=418_050,
    top_denial_category="authorization",
)
DELAY = replace(
    DENIALS,
    measure="days_to_decision",
    payer="Cigna",
    cpt_group_label=None,
    observed=71,
    expected=118.3,
    effect=0.6,
    window_weeks=2,
    window_kind="waiting",
    amount_at_risk=None,
    top_denial_category=None,
)


def test_more_denials_are_told_with_counts_reason_money_and_certainty() -> None:
    assert sentence(DENIALS) == (
        "Aetna began denying more claims for physical therapy: 31 of 118 decided since Aug 4 were denied "
        "where about 14 were expected (about 14 points more). "
        "Most extra denials: authorization. About $4,200 at risk. Very likely real."
    )


def test_a_slowdown_is_told_by_the_decisions_that_did_not_come() -> None:
    assert sentence(DELAY) == (
        "Cigna takes longer to decide claims: given how many claims are waiting and how old they are, "
        "118 decisions were expected in the last 2 weeks and 71 came (0.60x). Very likely real."
    )


def test_an_improvement_names_neither_reason_nor_money() -> None:
    text = sentence(replace(DENIALS, direction="better", observed=3, effect=-0.095))
    assert "denying fewer claims" in text
    assert "3 of 118" in text
    assert "about 9 points fewer" in text
    assert "risk" not in text
    assert "Most extra" not in text


def test_a_faster_payer_takes_less_time() -> None:
    text = sentence(replace(DELAY, direction="better", observed=150, effect=1.27))
    assert text.startswith("Cigna takes less time to decide claims: ")
    assert "150 came (1.27x)" in text


def test_claims_of_the_whole_payer_name_no_group() -> None:
    assert sentence(replace(DENIALS, cpt_group_label=None)).startswith("Aetna began denying more claims: ")


def test_an_abbreviation_keeps_its_capitals() -> None:
    assert "claims for MRI and CT:" in sentence(replace(DENIALS, cpt_group_label="MRI and CT"))


def test_a_label_with_a_colon_does_not_break_the_sentence() -> None:
    text = sentence(replace(DENIALS, cpt_group_label="Surgery: skin and breast"))
    assert text.startswith("Aetna began denying more claims for surgery (skin and breast): 31 of 118")


def test_a_window_by_submission_says_so() -> None:
    text = sentence(replace(DENIALS, window_kind="submitted"))
    assert "31 of 118 submitted since Aug 4 and already decided were denied" in text


@pytest.mark.parametrize(
    ("observed", "expected", "words"),
    [
        (1, 0.2, "1 of 118 decided since Aug 4 was denied where less than 1 was expected"),
        (3, 1.2, "3 of 118 decided since Aug 4 were denied where about 1 was expected"),
        (0, 6.0, "none of 118 decided since Aug 4 were denied where about 6 were expected"),
        (12, 11.6, "where about 11.6 were expected"),
        (100, 1200.4, "100 of 118 decided since Aug 4 were denied where about 1,200 were expected"),
    ],
)
def test_counts_agree_with_their_verbs(observed: int, expected: float, words: str) -> None:
    assert words in sentence(replace(DENIALS, observed=observed, expected=expected))


@pytest.mark.parametrize(
    ("observed", "expected", "weeks", "words"),
    [
        (1, 9.0, 1, "9 decisions were expected in the last week and 1 came"),
        (0, 9.0, 4, "9 decisions were expected in the last 4 weeks and none came"),
        (5, 1.4, 4, "1 decision was expected in the last 4 weeks and 5 came"),
        (9, 9.3, 4, "9.3 decisions were expected"),
    ],
)
def test_decisions_agree_with_their_verbs(observed: int, expected: float, weeks: int, words: str) -> None:
    assert words in sentence(replace(DELAY, observed=observed, expected=expected, window_weeks=weeks))


@pytest.mark.parametrize(
    ("observed", "effect", "words"),
    [
        (31, 0.136, "(about 14 points more)"),
        (31, 0.05, "(about 14 points more; 5 after allowing for chance)"),
        (31, 0.004, "(about 14 points more; less than 1 after allowing for chance)"),
        (15, 0.012, "(about 1 point more)"),
        (14, 0.02, "(slightly more; 2 after allowing for chance)"),
    ],
)
def test_points_are_told_as_counted_and_as_chance_leaves_them(observed: int, effect: float, words: str) -> None:
    assert words in sentence(replace(DENIALS, observed=observed, effect=effect))


def test_an_open_event_back_to_usual_is_told_in_the_past() -> None:
    quiet = sentence(replace(DELAY, observed=116, effect=0.98, amount_at_risk=50_000))
    assert quiet.startswith("Cigna took longer to decide claims")
    assert quiet.endswith("(0.98x). Was very likely real; back to usual at the last look.")
    assert "had begun denying more" in sentence(replace(DENIALS, effect=0.005))


def test_money_behind_a_slowdown_is_held_up_not_lost() -> None:
    assert "About $4,200 held up." in sentence(replace(DELAY, amount_at_risk=418_050))


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (4_200, "Less than $100 at risk."),
        (12_345, "About $120 at risk."),
        (99_900, "About $1,000 at risk."),
        (998_000, "About $10,000 at risk."),
        (4_251_000, "About $43,000 at risk."),
        (99_960_000, "About $1.0 million at risk."),
    ],
)
def test_money_is_rounded_to_what_an_estimate_can_bear(cents: int, words: str) -> None:
    assert words in sentence(replace(DENIALS, amount_at_risk=cents))


@pytest.mark.parametrize("cents", [None, 0, -500])
def test_no_money_at_risk_is_not_mentioned(cents: int | None) -> None:
    assert "risk" not in sentence(replace(DENIALS, amount_at_risk=cents))


def test_a_closed_event_is_told_in_the_past_with_its_year() -> None:
    denials, delay = (sentence(replace(facts, status="closed")) for facts in (DENIALS, DELAY))
    assert "Aetna had begun denying more" in denials
    assert "decided since Aug 4, 2025" in denials
    assert denials.endswith("It has since returned to what is usual.")
    assert "Cigna took longer to decide claims" in delay
    assert "in the 2 weeks from Aug 4, 2025" in delay


@pytest.mark.parametrize("certainty", list(CERTAINTY_WORDS))
def test_every_certainty_has_its_words(certainty: str) -> None:
    words = CERTAINTY_WORDS[certainty]  # type: ignore[index]
    assert words in sentence(replace(DENIALS, tier="watch", certainty=certainty)).lower()  # type: ignore[arg-type]


def test_an_alert_that_has_weakened_says_so() -> None:
    assert "stronger before" in sentence(replace(DENIALS, certainty="watch"))
    assert "stronger before" not in sentence(replace(DENIALS, certainty="watch", tier="watch"))


def test_every_category_of_denial_has_words() -> None:
    for category, words in CATEGORY_WORDS.items():
        assert f"Most extra denials: {words}." in sentence(replace(DENIALS, top_denial_category=category))


def test_a_category_of_the_customers_own_is_named_as_it_is() -> None:
    assert "Most extra denials: own rule." in sentence(replace(DENIALS, top_denial_category="own_rule"))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (replace(DENIALS, observed=9, effect=-0.03), "(about 4 points fewer; 3 after allowing for chance)"),
        (replace(DENIALS, direction="better", observed=19, effect=0.03), "(about 4 points more; 3 after"),
        (replace(DELAY, observed=150, effect=1.27), "Cigna took longer to decide claims"),
        (replace(DELAY, direction="better", observed=90, effect=0.76), "Cigna took less time to decide claims"),
    ],
)
def test_an_effect_that_points_the_other_way_is_told_as_it_is_and_as_back_to_usual(
    facts: EventFacts, told: str
) -> None:
    text = sentence(facts)
    assert told in text
    assert "back to usual at the last look" in text
    assert "at risk" not in text


def test_a_group_beneath_its_payer_is_told_in_a_few_words() -> None:
    assert group_phrase(DENIALS) == (
        "Physical therapy: 31 of 118 denied, about 14 were expected (about 14 points more), about $4,200 at risk"
    )
    delay = replace(DELAY, cpt_group_label="Laboratory", amount_at_risk=418_050)
    assert group_phrase(delay) == "Laboratory: 71 decided, about 118 were expected (0.60x), about $4,200 held up"


def test_a_group_that_calmed_down_says_so_and_asks_for_no_money() -> None:
    assert group_phrase(replace(DENIALS, observed=14, effect=0.001)).endswith("(slightly more), back to usual")
    assert group_phrase(replace(DENIALS, status="closed")).endswith("(about 14 points more), over")
