"""A drift event said in plain sentences to a billing manager."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from payerwatch.drift.judgement import Certainty, Tier
from payerwatch.drift.window_tests import Direction, Measure

CERTAINTY_WORDS: dict[Certainty, str] = {
    "very_likely": "very likely real",
    "likely": "likely real",
    "watch": "worth watching, may be chance",
}
CATEGORY_WORDS = {
    "eligibility": "eligibility",
    "authorization": "authorization",
    "medical_necessity": "medical necessity",
    "coding_bundling": "coding and bundling",
    "missing_info": "missing information",
    "timely_filing": "timely filing",
    "duplicate": "duplicates",
    "cob_other_payer": "another payer is responsible",
    "noncovered_limit": "not covered or limit reached",
    "provider_network": "provider not in network or not enrolled",
    "capitation": "capitation",
    "unknown": "no reason we could read",
}

QUIET_EXCESS = 0.01
QUIET_RATIO = (0.95, 1.05)


@dataclass(frozen=True)
class EventFacts:
    """The figures of a drift event in the window with the smallest p-value.

    observed, expected: denials (denial_rate) or decisions (days_to_decision). claims: in the window.
    effect: shrunken excess denial rate (-1..1), or observed / expected decisions.
    cpt_group_label: None for all of the payer's claims. amount_at_risk: whole US cents, or None.
    tier: the highest the event has reached; certainty: as of the last week judged.
    window_kind: the window's claims were decided in it, submitted in it, or waiting in it.
    """

    measure: Measure
    payer: str
    cpt_group_label: str | None
    direction: Direction
    tier: Tier
    certainty: Certainty
    observed: int
    expected: float
    effect: float
    claims: int
    window_weeks: int
    window_start: date
    window_kind: Literal["decided", "submitted", "waiting"]
    amount_at_risk: int | None = None
    top_denial_category: str | None = None
    status: Literal["open", "closed"] = "open"


def sentence(facts: EventFacts) -> str:
    """What changed, by how much, why, what it costs and how sure we are; a few short sentences."""
    tell = _denials if facts.measure == "denial_rate" else _decisions
    parts = [tell(facts), _reason(facts), _money_at_stake(facts), _certainty(facts)]
    return " ".join(part for part in parts if part)


def group_phrase(facts: EventFacts) -> str:
    """One CPT group of a payer in a few words, for a list beneath the payer's sentence."""
    if facts.measure == "denial_rate":
        told = f"{_count(facts.observed)} of {facts.claims:,} denied, {_expected(facts)} ({_points_counted(facts)})"
    else:
        told = f"{_count(facts.observed)} decided, {_expected(facts)} ({facts.effect:.2f}x)"
    money = _money_at_stake(facts).rstrip(".")
    state = ["over"] if facts.status == "closed" else ["back to usual"] if _is_over(facts) else []
    parts = [told, *([money[0].lower() + money[1:]] if money else []), *state]
    return f"{facts.cpt_group_label or 'All groups'}: {', '.join(parts)}"


def _denials(facts: EventFacts) -> str:
    """Such as: Aetna began denying more claims for physical therapy: 31 of 118 … were denied where …"""
    amount = "more" if facts.direction == "worse" else "fewer"
    began = "had begun" if _is_over(facts) else "began"
    verb = "was" if facts.observed == 1 else "were"
    return (
        f"{facts.payer} {began} denying {amount} claims{_scope(facts)}: {_count(facts.observed)} of "
        f"{_window_claims(facts)} {verb} denied where {_expected(facts)} "
        f"({_points(facts)})."
    )


def _window_claims(facts: EventFacts) -> str:
    since = _day(facts.window_start, facts)
    if facts.window_kind == "submitted":
        return f"{facts.claims:,} submitted since {since} and already decided"
    return f"{facts.claims:,} decided since {since}"


def _decisions(facts: EventFacts) -> str:
    """Such as: Cigna takes longer to decide claims: given how many … 118 decisions were expected …"""
    pace = "takes longer" if facts.direction == "worse" else "takes less time"
    if _is_over(facts):
        pace = pace.replace("takes", "took")
    came = "1 came" if facts.observed == 1 else f"{_count(facts.observed)} came"
    return (
        f"{facts.payer} {pace} to decide claims{_scope(facts)}: given how many claims are waiting and how "
        f"old they are, {_expected_decisions(facts)} {_period(facts)} and {came} ({facts.effect:.2f}x)."
    )


def _expected_decisions(facts: EventFacts) -> str:
    number = _estimate(facts)
    return f"{number} decision was expected" if number == "1" else f"{number} decisions were expected"


def _period(facts: EventFacts) -> str:
    weeks = "week" if facts.window_weeks == 1 else f"{facts.window_weeks} weeks"
    if facts.status == "open":
        return f"in the last {weeks}"
    return f"in the {weeks} from {_day(facts.window_start, facts)}"


def _expected(facts: EventFacts) -> str:
    number = _estimate(facts)
    verb = "was" if number in ("1", "less than 1") else "were"
    return f"{number if number == 'less than 1' else f'about {number}'} {verb} expected"


def _estimate(facts: EventFacts) -> str:
    """The expected count in whole claims, unless that hides a difference from the observed one."""
    if facts.expected < 0.5:
        return "less than 1"
    if round(facts.expected) == facts.observed:
        return f"{facts.expected:,.1f}"
    return f"{round(facts.expected):,}"


def _scope(facts: EventFacts) -> str:
    if facts.cpt_group_label is None:
        return ""
    return f" for {label_within_a_sentence(facts.cpt_group_label)}"


def label_within_a_sentence(label: str) -> str:
    """A CPT group's label as a sentence holds it: "surgery (skin and breast)", but "CT, MRI and PET"."""
    area, _, part = label.partition(": ")
    words = f"{area} ({part})" if part else area
    return words[0].lower() + words[1:] if words[1:2].islower() else words


def _count(number: int) -> str:
    return f"{number:,}" if number else "none"


def _points(facts: EventFacts) -> str:
    """The change as counted, and as far as chance leaves it where that differs."""
    words, counted = _points_counted(facts), _counted(facts)
    shrunken = round(abs(facts.effect) * 100)
    if counted == shrunken:
        return words
    return f"{words}; {shrunken or 'less than 1'} after allowing for chance"


def _points_counted(facts: EventFacts) -> str:
    counted = _counted(facts)
    if not counted:
        return "slightly more" if facts.direction == "worse" else "slightly fewer"
    amount = "more" if facts.observed > facts.expected else "fewer"
    return f"about {counted} {'point' if counted == 1 else 'points'} {amount}"


def _counted(facts: EventFacts) -> int:
    return round(abs(facts.observed - facts.expected) / max(facts.claims, 1) * 100)


def _is_over(facts: EventFacts) -> bool:
    """Closed, or so near to the usual, or beyond it, that the week counts towards closing."""
    worse = facts.direction == "worse"
    if facts.measure == "denial_rate":
        return facts.status == "closed" or (facts.effect if worse else -facts.effect) < QUIET_EXCESS
    slowest, fastest = QUIET_RATIO
    return facts.status == "closed" or (facts.effect >= slowest if worse else facts.effect <= fastest)


def _day(day: date, facts: EventFacts) -> str:
    """A date of the running weeks needs no year, one long past does."""
    return f"{day:%b} {day.day}" if facts.status == "open" else f"{day:%b} {day.day}, {day.year}"


def _reason(facts: EventFacts) -> str:
    if facts.measure != "denial_rate" or facts.direction == "better" or facts.top_denial_category is None:
        return ""
    category = facts.top_denial_category
    return f"Most extra denials: {CATEGORY_WORDS.get(category, category.replace('_', ' '))}."


def _money_at_stake(facts: EventFacts) -> str:
    if facts.direction == "better" or _is_over(facts) or not facts.amount_at_risk or facts.amount_at_risk < 0:
        return ""
    fate = "at risk" if facts.measure == "denial_rate" else "held up"
    return f"{_rounded_dollars(facts.amount_at_risk)} {fate}."


def _rounded_dollars(cents: int) -> str:
    """About two figures, as an estimate deserves."""
    dollars = cents / 100
    if dollars < 100:
        return "Less than $100"
    if dollars >= 999_500:
        return f"About ${dollars / 1_000_000:.1f} million"
    step = 10 if dollars < 995 else 100 if dollars < 9_950 else 1_000
    return f"About ${round(dollars / step) * step:,}"


def _certainty(facts: EventFacts) -> str:
    if facts.status == "closed":
        return "It has since returned to what is usual."
    words = CERTAINTY_WORDS[facts.certainty]
    if _is_over(facts):
        return f"Was {words}; back to usual at the last look."
    weaker = facts.tier == "alert" and facts.certainty == "watch"
    return f"{words.capitalize()}; the evidence was stronger before." if weaker else f"{words.capitalize()}."
