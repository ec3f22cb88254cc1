"""Judging a customer's week: every series and payer, both measures, both directions.

1. Each measure gives one p-value per node and direction: the smallest over its windows, times their number.
2. Nodes with too little to test drop out, each with its reason.
3. The nodes left form one family per measure and direction; Benjamini-Hochberg adjusts their p-values.
4. An alert needs an adjusted p-value of at most 0.10 and an effect worth telling; a watch p < 0.02 and
   the effect.
5. If nearly all payers are slower at once, the feed is stalled: days to decision are not judged that week.

A payer with a single series appears twice with the same numbers: the payer is what notifies, the series what
is shown under it, and leaving either out would make families differ between customers for no gain.
"""

from __future__ import annotations

from functools import cached_property

from payerwatch.drift.decision_delay import DecisionDelay
from payerwatch.drift.denial_rate import DenialRate
from payerwatch.drift.explanations import WeeklyCounts
from payerwatch.drift.judgement import (
    Certainty,
    DirectionResult,
    Judgement,
    NodeResult,
    Reason,
    Tier,
    WindowResult,
)
from payerwatch.drift.lag_denial_rate import LagDenialRate
from payerwatch.drift.opinion import Opinion, confirmed_tier, is_quiet
from payerwatch.drift.parameters import DEFAULTS, Parameters
from payerwatch.drift.runoff_arrays import RunoffArrays
from payerwatch.drift.window_tests import Direction, Measure, WindowTests, baseline_span
from payerwatch.late import numpy as np


def judge(
    arrays: RunoffArrays, week_index: int, *, pending_known: bool = True, parameters: Parameters = DEFAULTS
) -> Judgement:
    """Judge one week. For many weeks of the same arrays keep a :class:`Detectors`."""
    return Detectors(arrays, parameters).judge(week_index, pending_known=pending_known)


class Detectors:
    """Both measures of one customer, prepared once for any number of weeks."""

    def __init__(self, arrays: RunoffArrays, parameters: Parameters = DEFAULTS) -> None:
        self._arrays = arrays
        self._parameters = parameters

    @cached_property
    def _denial_rate(self) -> DenialRate:
        return DenialRate(self._arrays)

    @cached_property
    def _lag_denial_rate(self) -> LagDenialRate:
        return LagDenialRate(self._arrays)

    @cached_property
    def _delay(self) -> DecisionDelay:
        return DecisionDelay(self._arrays)

    def judge(self, week_index: int, *, pending_known: bool = True) -> Judgement:
        """Judge the week with what was known at its end: later submissions and decisions are not looked at.

        Without pending claims the denial rate is standardised by lag (provisional) and days to decision
        are not judged.
        """
        measure = self._denial_rate if pending_known else self._lag_denial_rate
        denials = self._family(measure.test(week_index), provisional=not pending_known)
        delays = self._family(self._delay.test(week_index), provisional=False)
        stalled = pending_known and delays.feed_stalled()
        withheld: Reason | None = "data_feed_stalled" if stalled else None if pending_known else "no_pending"
        nodes = denials.results(None) + delays.results(withheld)
        return Judgement(week_index, tuple(nodes), stalled)

    def weekly(self, measure: Measure, week_index: int, weeks: int, *, pending_known: bool = True) -> WeeklyCounts:
        """The last ``weeks`` weeks of every node against the expectation judged by: what a chart draws.

        Node ``n`` is series ``n``, node ``arrays.series + p`` is payer ``p``.
        """
        if measure == "days_to_decision":
            return self._delay.weekly(week_index, weeks)
        return (self._denial_rate if pending_known else self._lag_denial_rate).weekly(week_index, weeks)

    def median_days(self, node: int, week_index: int) -> tuple[float | None, float | None]:
        """Median days to decision of a node in the baseline and in the last 4 weeks; None if not reached."""
        start, stop = baseline_span(week_index)
        recent = max(0, week_index - 3)
        return (
            self._delay.median_days(node, start, stop - 1),
            self._delay.median_days(node, recent, week_index),
        )

    def _family(self, tests: WindowTests, *, provisional: bool) -> _Family:
        return _Family(self._arrays, tests, self._parameters, provisional)


class _Family:
    """The nodes of one measure in one week, judged together."""

    def __init__(self, arrays: RunoffArrays, tests: WindowTests, parameters: Parameters, provisional: bool) -> None:
        self._arrays = arrays
        self._tests = tests
        self._parameters = parameters
        self._provisional = provisional
        learned = tests.baseline_weeks >= parameters.baseline_weeks_minimum
        self._judged = learned & tests.tested.any(axis=1)

    def feed_stalled(self) -> bool:
        """Whether so many payers are slower at once that the feed must be the cause."""
        payers = np.flatnonzero(self._judged[self._arrays.series :]) + self._arrays.series
        if payers.size < self._parameters.stalled_payers_minimum:
            return False
        opinion = self._opinion(self._tests, "worse")
        slower = (opinion.p_values < self._parameters.watch_p_value) & opinion.large
        return bool(slower[payers].mean() >= self._parameters.stalled_share)

    def results(self, withheld: Reason | None) -> list[NodeResult]:
        """One result a node, series first; all unjudged where a reason to withhold is given."""
        rows = range(self._judged.size)
        windows = [self._windows(row) for row in rows]
        if withheld:
            return [self._node(row, withheld, windows[row]) for row in rows]
        worse, better = self._directions("worse", windows), self._directions("better", windows)
        return [self._node(row, self._reason(row), windows[row], worse.get(row), better.get(row)) for row in rows]

    def _node(
        self,
        row: int,
        reason: Reason | None,
        windows: tuple[WindowResult, ...],
        worse: DirectionResult | None = None,
        better: DirectionResult | None = None,
    ) -> NodeResult:
        is_series = row < self._arrays.series
        return NodeResult(
            measure=self._tests.measure,
            payer=int(self._arrays.payer[row]) if is_series else row - self._arrays.series,
            series=row if is_series else None,
            reason=reason,
            provisional=self._provisional,
            baseline_weeks=int(self._tests.baseline_weeks[row]),
            baseline_decided=int(self._tests.baseline_decided[row]),
            windows=windows,
            worse=worse,
            better=better,
        )

    def _reason(self, row: int) -> Reason | None:
        if self._judged[row]:
            return None
        learned = self._tests.baseline_weeks[row] >= self._parameters.baseline_weeks_minimum
        return "too_few" if learned else "learning"

    def _windows(self, row: int) -> tuple[WindowResult, ...]:
        tests = self._tests
        return tuple(
            WindowResult(
                window=window,
                observed=int(tests.observed[row, column]),
                expected=float(tests.expected[row, column]),
                variance=float(tests.variance[row, column]),
                claims=int(tests.claims[row, column]),
                effect=float(tests.effect[row, column]),
                worse_p=float(tests.worse_p[row, column]),
                better_p=float(tests.better_p[row, column]),
                tested=bool(tests.tested[row, column]),
            )
            for column, window in enumerate(tests.windows)
        )

    def _directions(self, direction: Direction, windows: list[tuple[WindowResult, ...]]) -> dict[int, DirectionResult]:
        """The result of every judged node in one direction, by row."""
        opinion = self._opinion(self._tests, direction)
        second = self._opinion(self._tests.calibrated, direction) if self._tests.calibrated else opinion
        results = {}
        for row in np.flatnonzero(self._judged).tolist():
            first = opinion.tier(row)
            tier = confirmed_tier(first, second.tier(row))
            window = windows[row][opinion.telling[row]]
            results[row] = DirectionResult(
                p_value=float(opinion.p_values[row]),
                q_value=float(opinion.q_values[row]),
                telling=window,
                tier=tier,
                certainty=self._certainty(tier, float(opinion.q_values[row])),
                unconfirmed=tier != first,
                quiet=is_quiet(self._tests.measure, window.effect, self._parameters),
            )
        return results

    def _opinion(self, tests: WindowTests, direction: Direction) -> Opinion:
        return Opinion.of(tests, direction, self._judged, self._parameters)

    def _certainty(self, tier: Tier | None, q_value: float) -> Certainty | None:
        if tier != "alert":
            return tier
        return "very_likely" if q_value <= self._parameters.very_likely_rate else "likely"
