"""The figures as tables for people (Markdown) and as a record for machines, and the targets they must meet."""

from collections.abc import Callable, Iterable
from math import isinf

from benchmarks.quality_figures import Tally, found_by, median_look
from benchmarks.quality_scenarios import Kind, Scenario

Tallies = dict[str, Tally]
Row = list[str]

DENIALS, DAYS = "denial_rate", "days_to_decision"
FALSE_PER_WEEK = 0.15
FOUND = 0.90
MISTAKEN = 0.10


def tables(chosen: Iterable[Scenario], results: dict[str, Tallies]) -> list[str]:
    """One Markdown table for each kind of scenario measured."""
    kinds: list[tuple[Kind, str, Row, Callable[[Tallies], Row]]] = [
        ("steady", "A. Nothing changes: new false alerts per week per 100 series", STEADY, _steady),
        ("denials", "B. Denials rise in 1 of 10 series", RISEN, _denials),
        ("speed", "C. Only the speed changes, in 1 of 10 series", SPEED, _speed),
        ("stall", "C. Half the payers freeze for three weeks, then flush", STALL, _stall),
        ("wide", "E. Denials rise at one whole payer (10 series)", WIDE, _wide),
    ]
    scenarios = list(chosen)
    written = []
    for kind, title, head, row in kinds:
        rows = [[s.title, *row(results[s.key])] for s in scenarios if s.kind == kind]
        if rows:
            written.append(_table(title, ["scenario", *head], rows))
    return written


STEADY = [
    "denials",
    "of them by event",
    "watch",
    "days",
    "of them by event",
    "watch",
    "thresholds: denials (in alarm, either way)",
    "thresholds: days (in alarm, either way)",
]


def _steady(tallies: Tallies) -> Row:
    row = []
    for measure in (DENIALS, DAYS):
        mine = tallies[f"product {measure}"]
        row += [_small(mine.new_false), _small(mine.new_false_events), _small(mine.new_watch)]
    for measure in (DENIALS, DAYS):
        either = tallies[f"either {measure}"]
        worse = tallies[f"rule {measure}"]
        row.append(f"{_small(worse.new_false)} ({_percent(either.in_alarm)})")
    return row


RISEN = [
    "found by week 8",
    "by week 12",
    "median week",
    "false among alerts",
    "watch or alert by 8",
    "slower decisions flagged by 12",
    "thresholds: by 8",
    "by 12",
    "new false a week",
]


def _denials(tallies: Tallies) -> Row:
    mine, rule = tallies[f"product {DENIALS}"], tallies[f"rule {DENIALS}"]
    return [
        _percent(found_by(mine.own, 8)),
        _percent(found_by(mine.own, 12)),
        _week(median_look(mine.own)),
        _percent(mine.false_discovery),
        _percent(found_by(mine.watched, 8)),
        _percent(found_by(tallies[f"product {DAYS}"].own, 12)),
        _percent(found_by(rule.own, 8)),
        _percent(found_by(rule.own, 12)),
        _small(rule.new_false),
    ]


SPEED = [
    "denial drift claimed within 12",
    "of their payers",
    "delay found by week 4",
    "by week 8",
    "median week",
    "new false delays a week",
    "false among delays",
    "thresholds: denial drift claimed",
    "delay by 4",
    "by 8",
]


def _speed(tallies: Tallies) -> Row:
    denials, days = tallies[f"product {DENIALS}"], tallies[f"product {DAYS}"]
    rule_denials, rule_days = tallies[f"rule {DENIALS}"], tallies[f"rule {DAYS}"]
    return [
        _percent(found_by(denials.own, 12)),
        _percent(found_by(denials.payers, 12)),
        _percent(found_by(days.own, 4)),
        _percent(found_by(days.own, 8)),
        _week(median_look(days.own)),
        _small(days.new_false),
        _percent(days.false_discovery),
        _percent(found_by(rule_denials.own, 12)),
        _percent(found_by(rule_days.own, 4)),
        _percent(found_by(rule_days.own, 8)),
    ]


STALL = ["new false denial alerts a week", "stalled payers found by week 2", "thresholds: new false denial alerts"]


def _stall(tallies: Tallies) -> Row:
    denials, days = tallies[f"product {DENIALS}"], tallies[f"product {DAYS}"]
    rule = tallies[f"rule {DENIALS}"]
    return [_small(denials.new_false), _percent(found_by(days.payers, 2)), _small(rule.new_false)]


WIDE = ["payer found by week 8", "by week 12", "median week", "any series by 8", "median week", "new false a week"]


def _wide(tallies: Tallies) -> Row:
    mine = tallies[f"product {DENIALS}"]
    return [
        _percent(found_by(mine.payers, 8)),
        _percent(found_by(mine.payers, 12)),
        _week(median_look(mine.payers)),
        _percent(found_by(mine.any_series, 8)),
        _week(median_look(mine.any_series)),
        _small(mine.new_false),
    ]


def verdicts(results: dict[str, Tallies]) -> list[dict[str, object]]:
    """The targets that the measured scenarios speak to, and whether each is met."""
    found = []
    for key, tallies in results.items():
        denials, days = tallies[f"product {DENIALS}"], tallies[f"product {DAYS}"]
        if key.startswith("steady_"):
            for measure, tally in ((DENIALS, denials), (DAYS, days)):
                what = f"{key}, {measure}: new false alerts per week per 100 series"
                found.append(_at_most(what, tally.new_false, FALSE_PER_WEEK))
        if key == "denials_50_15":
            found.append(_at_least(f"{key}: found by week 8", found_by(denials.own, 8), FOUND))
        if key == "speed_slower_50":
            found.append(_at_least(f"{key}: delay found by week 4", found_by(days.own, 4), FOUND))
        if key.startswith("speed_"):
            what = f"{key}: claimed as denial drift within 12 weeks"
            found.append(_at_most(what, found_by(denials.own, 12), MISTAKEN))
    return found


def figures(results: dict[str, Tallies]) -> dict[str, dict[str, dict[str, object]]]:
    """Every figure by scenario, system and measure."""
    return {key: {name: _record(tally) for name, tally in of.items()} for key, of in results.items()}


def _record(tally: Tally) -> dict[str, object]:
    rates = ("new_false", "new_false_events", "new_watch", "in_alarm", "false_discovery")
    found = {
        name: {str(look): n for look, n in sorted(getattr(tally, name).items())}
        for name in ("own", "own_or_payer", "watched", "payers", "any_series")
        if getattr(tally, name)
    }
    return {name: round(getattr(tally, name), 4) for name in rates} | {"first_alert": found}


def _at_most(what: str, value: float, target: float) -> dict[str, object]:
    return {"what": what, "is": round(value, 3), "target": f"<= {target}", "met": value <= target}


def _at_least(what: str, value: float, target: float) -> dict[str, object]:
    return {"what": what, "is": round(value, 3), "target": f">= {target}", "met": value >= target}


def _table(title: str, head: Row, rows: list[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([f"### {title}", "", *("| " + " | ".join(line) + " |" for line in lines)])


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _small(value: float) -> str:
    return f"{value:.2f}"


def _week(value: float) -> str:
    return "never" if isinf(value) else f"{value:g}"
