"""One family of nodes in one direction: adjusted p-values, effects worth telling, tiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.drift import statistics
from payerwatch.drift.judgement import Tier
from payerwatch.drift.parameters import DEFAULTS, Parameters
from payerwatch.drift.window_tests import Direction, Measure, WindowTests
from payerwatch.late import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Flags: TypeAlias = "NDArray[np.bool_]"


@dataclass(frozen=True)
class Opinion:
    """What one set of window tests holds of every node, one row each."""

    p_values: Floats
    """Smallest p-value of the windows, times their number."""
    q_values: Floats
    """Adjusted over the nodes judged; 1 for the others."""
    telling: NDArray[np.intp]
    """Window with the smallest p-value."""
    large: Flags
    """Whether the effect in that window is worth telling."""
    parameters: Parameters

    @classmethod
    def of(cls, tests: WindowTests, direction: Direction, judged: Flags, parameters: Parameters) -> Opinion:
        """Judge the nodes of ``judged`` as one family."""
        p_values, telling = tests.most_telling(direction)
        q_values = np.ones(p_values.size)
        q_values[judged] = statistics.adjusted_p_values(p_values[judged])
        effect = tests.effect[np.arange(telling.size), telling]
        large = _worth_telling(tests.measure, direction, effect, parameters)
        return cls(p_values, q_values, telling, large, parameters)

    def tier(self, node: int) -> Tier | None:
        """The tier this opinion alone would give."""
        if not self.large[node]:
            return None
        if self.q_values[node] <= self.parameters.false_discovery_rate:
            return "alert"
        return "watch" if self.p_values[node] < self.parameters.watch_p_value else None


def _worth_telling(measure: Measure, direction: Direction, effect: Floats, parameters: Parameters) -> Flags:
    if measure == "denial_rate":
        return (effect if direction == "worse" else -effect) >= parameters.denial_effect
    if direction == "worse":
        return effect <= parameters.slower_ratio
    return effect >= parameters.faster_ratio


def confirmed_tier(first: Tier | None, second: Tier | None) -> Tier | None:
    """An alert needs both opinions; what the second does not confirm is watched, never hidden."""
    return "watch" if first == "alert" and second != "alert" else first


def is_quiet(measure: Measure, effect: float, parameters: Parameters = DEFAULTS) -> bool:
    """Whether an effect is so near to none that its week counts towards closing an event."""
    if measure == "denial_rate":
        return abs(effect) < parameters.quiet_denial_effect
    low, high = parameters.quiet_ratio
    return low <= effect <= high
