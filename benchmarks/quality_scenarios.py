"""The situations quality is measured in, and the figure each must reach."""

from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.quality_process import PAYERS, SERIES, Change, Process

Kind = Literal["steady", "denials", "speed", "stall", "wide"]

EVENLY = Process(paid_days=15, denied_days=15)
DENIALS_SLOWER = Process(paid_days=15, denied_days=28)
DENIALS_FASTER = Process(paid_days=22, denied_days=9)
ONE_IN_TEN = tuple(range(0, SERIES, 10))
FIRST_PAYER = tuple(range(SERIES // PAYERS))
HALF_THE_PAYERS = tuple(range(0, PAYERS, 2))


@dataclass(frozen=True)
class Scenario:
    """One situation: ``steady`` nothing changes, ``denials`` rise, ``speed`` alone changes, payers ``stall``,
    or denials rise at a whole payer (``wide``)."""

    key: str
    title: str
    kind: Kind
    process: Process
    essential: bool = False
    """Part of the quick run."""


def _steady(key: str, title: str, process: Process, *, essential: bool = False) -> Scenario:
    return Scenario(f"steady_{key}", title, "steady", process, essential)


def _denials(volume: int, points: int, *, by_decision: bool = False) -> Scenario:
    change = Change(ONE_IN_TEN, extra_rate=points / 100, by_decision=by_decision)
    process = replace(DENIALS_SLOWER, volume=volume, change=change)
    suffix, words = ("_by_decision", ", by decision date") if by_decision else ("", "")
    title = f"+{points} points at {volume} a week{words}"
    essential = (volume, points, by_decision) == (50, 15, False)
    return Scenario(f"denials_{volume}_{points}{suffix}", title, "denials", process, essential)


def _speed(key: str, title: str, process: Process, days: int, *, essential: bool = False) -> Scenario:
    change = Change(ONE_IN_TEN, extra_days=days)
    return Scenario(f"speed_{key}", title, "speed", replace(process, change=change), essential)


def _stall(key: str, title: str, process: Process) -> Scenario:
    change = Change(frozen_payers=HALF_THE_PAYERS)
    return Scenario(f"stall_{key}", title, "stall", replace(process, change=change))


def _wide(volume: int, points: int) -> Scenario:
    process = replace(DENIALS_SLOWER, volume=volume, change=Change(FIRST_PAYER, extra_rate=points / 100))
    return Scenario(f"wide_{volume}_{points}", f"+{points} points at {volume} a week", "wide", process)


SCENARIOS = (
    _steady("even_50", "alike, 50 a week", EVENLY),
    _steady("slower_20", "denials slower, 20 a week", replace(DENIALS_SLOWER, volume=20)),
    _steady("slower_50", "denials slower, 50 a week", DENIALS_SLOWER, essential=True),
    _steady("slower_200", "denials slower, 200 a week", replace(DENIALS_SLOWER, volume=200)),
    _steady("faster_50", "denials faster, 50 a week", DENIALS_FASTER, essential=True),
    _steady("faster_200", "denials faster, 200 a week", replace(DENIALS_FASTER, volume=200)),
    _steady("growing", "denials slower, growing 3 % a week", replace(DENIALS_SLOWER, weekly_growth=0.03)),
    _steady("wobbling", "denials slower, rates wobble", replace(DENIALS_SLOWER, logit_sd=0.3)),
    *(_denials(volume, points) for volume in (20, 50, 200) for points in (5, 8, 15)),
    _denials(50, 8, by_decision=True),
    _speed("slower_faster_denials", "+7 days, denials faster, 50 a week", DENIALS_FASTER, 7, essential=True),
    _speed("faster_slower_denials", "-6 days, denials slower, 50 a week", DENIALS_SLOWER, -6, essential=True),
    _speed("slower_20", "+7 days, denials slower, 20 a week", replace(DENIALS_SLOWER, volume=20), 7),
    _speed("slower_50", "+7 days, denials slower, 50 a week", DENIALS_SLOWER, 7, essential=True),
    _speed("slower_200", "+7 days, denials slower, 200 a week", replace(DENIALS_SLOWER, volume=200), 7),
    _stall("faster_denials", "half the payers freeze for 3 weeks, denials faster", DENIALS_FASTER),
    _stall("slower_denials", "half the payers freeze for 3 weeks, denials slower", DENIALS_SLOWER),
    *(_wide(volume, points) for volume, points in ((20, 5), (20, 8), (8, 8), (8, 15), (4, 15))),
)

_SAMPLE_KEYS = {
    "steady_slower_20": "20 a week",
    "steady_slower_50": "50 a week",
    "steady_slower_200": "200 a week",
    "steady_growing": "growing 3 % a week",
    "steady_wobbling": "rates wobble",
    "speed_slower_20": "+7 days at 20 a week",
    "speed_slower_50": "+7 days at 50 a week",
    "speed_slower_200": "+7 days at 200 a week",
    "speed_faster_slower_denials": "-6 days at 50 a week",
}
UNEVEN = _steady("uneven_50", "uneven volumes, 50 a week on average", Process(uneven=True), essential=True)

SAMPLE_SCENARIOS = (
    UNEVEN,
    *(replace(s, title=_SAMPLE_KEYS[s.key]) for s in SCENARIOS if s.key in _SAMPLE_KEYS),
    *(s for s in SCENARIOS if s.kind == "denials" and not s.process.change.by_decision),
)
"""Those the sample process can draw; how fast payers deny is its own there, some sooner, some later."""
