"""Looking at a history week by week, as the product does, and noting what is raised and whether it is true.

An alert is a node (series or payer) at the alert tier, worse direction. *New* alerts are counted in two ways:
``starts``, the weeks a node is at alert and was not the week before; and ``events``, which follow the product: an
event opens at alert or watch, alerts once, and closes after three judged weeks in a row that are calm. Every
alert of the first look counts as new.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_process import FIRST_WEEK, History
from benchmarks.quality_threshold_rule import flags_at
from payerwatch.drift.detectors import Detectors
from payerwatch.drift.judgement import DirectionResult, NodeResult
from payerwatch.drift.lifecycle import CALM_WEEKS_TO_CLOSE, week_entry
from payerwatch.drift.window_tests import Measure

Flags = NDArray[np.bool_]

MEASURES: tuple[Measure, ...] = ("denial_rate", "days_to_decision")


@dataclass(frozen=True)
class Looks:
    """[looks, nodes] what one measure said; nodes are the series, then the payers."""

    alert: Flags
    watch: Flags
    """At watch or alert."""
    calm: Flags
    """Weeks that count towards closing an event."""

    @property
    def starts(self) -> Flags:
        """At alert, and not the week before."""
        return _starts(self.alert)

    @property
    def watch_starts(self) -> Flags:
        """At watch or alert, and at neither the week before."""
        return _starts(self.watch)

    @property
    def events(self) -> Flags:
        """Weeks in which an event first alerts."""
        looks, nodes = self.alert.shape
        opened, alerted, calm_weeks = np.zeros(nodes, bool), np.zeros(nodes, bool), np.zeros(nodes, int)
        first_alerts = np.zeros((looks, nodes), bool)
        for look in range(looks):
            calm_weeks = np.where(self.calm[look], calm_weeks + 1, 0)
            closing = opened & (calm_weeks >= CALM_WEEKS_TO_CLOSE)
            opened = (opened & ~closing) | self.watch[look]
            alerted &= opened & ~closing
            first_alerts[look] = self.alert[look] & ~alerted
            alerted |= self.alert[look]
        return first_alerts


def _starts(flags: Flags) -> Flags:
    before = np.vstack([np.zeros((1, flags.shape[1]), bool), flags[:-1]])
    return flags & ~before


def product_looks(history: History) -> dict[str, Looks]:
    """What the product says at each look from the change week on."""
    detectors = Detectors(history.arrays)
    weeks = range(history.change_week, history.weeks)
    judgements = [detectors.judge(week).nodes for week in weeks]
    return {measure: _noted(judgements, measure) for measure in MEASURES}


def _noted(judgements: list[tuple[NodeResult, ...]], measure: Measure) -> Looks:
    rows = [[node.worse for node in nodes if node.measure == measure] for nodes in judgements]
    return Looks(
        alert=np.array([[worse is not None and worse.tier == "alert" for worse in row] for row in rows]),
        watch=np.array([[worse is not None and worse.tier is not None for worse in row] for row in rows]),
        calm=np.array([[_is_calm(measure, worse) for worse in row] for row in rows]),
    )


def _is_calm(measure: Measure, worse: DirectionResult | None) -> bool:
    return worse is not None and bool(week_entry(FIRST_WEEK, measure, "worse", worse)["calm"])


def threshold_looks(history: History) -> tuple[dict[str, Looks], dict[str, Looks]]:
    """What the threshold rule says at the same looks, worse only and either way; it knows series only."""
    flags = [flags_at(history, week) for week in range(history.change_week, history.weeks)]
    payers = np.zeros((len(flags), int(history.payer.max()) + 1), bool)
    worse, either = {}, {}
    for measure in MEASURES:
        up, down = (np.array([flag[measure][way] for flag in flags]) for way in (0, 1))
        worse[measure] = _plain(np.hstack([up, payers]))
        either[measure] = _plain(np.hstack([up | down, payers]))
    return worse, either


def _plain(flags: Flags) -> Looks:
    return Looks(flags, flags, ~flags)
