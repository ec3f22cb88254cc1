"""What a week's judgement says of each node, in words and numbers an event can be explained with."""

from dataclasses import dataclass
from typing import Literal

from payerwatch.drift.window_tests import Direction, Measure, Window

Tier = Literal["alert", "watch"]
Certainty = Literal["very_likely", "likely", "watch"]
Reason = Literal["learning", "too_few", "no_pending", "data_feed_stalled"]


@dataclass(frozen=True)
class WindowResult:
    """One window of one node: observed against expected."""

    window: Window
    observed: int
    """Denials, or decisions."""
    expected: float
    variance: float
    """Variance of observed around expected."""
    claims: int
    """Claims decided in the window, or waiting at some time in it."""
    effect: float
    """Shrunken excess denial rate, or observed / expected decisions."""
    worse_p: float
    better_p: float
    tested: bool
    """False where the window has too few claims; its p-values are then 1."""


@dataclass(frozen=True)
class DirectionResult:
    """One direction of one node: its most telling window and what follows from it."""

    p_value: float
    """Smallest p-value of the windows, times their number."""
    q_value: float
    """Adjusted for all nodes tested for this measure and direction (Benjamini-Hochberg)."""
    telling: WindowResult
    tier: Tier | None
    certainty: Certainty | None
    unconfirmed: bool
    """True where the first test alone would raise an alert and the second does not."""
    quiet: bool
    """True where the effect is so near to none that the week counts towards closing an event."""


@dataclass(frozen=True)
class NodeResult:
    """One measure of one series, or of one payer over all its series."""

    measure: Measure
    payer: int
    series: int | None
    """None at payer level."""
    reason: Reason | None
    """Why it was not judged; None if it was."""
    provisional: bool
    """True where the denial rate was standardised by lag, which a change of speed can mislead."""
    baseline_weeks: int
    """Weeks of the baseline since the first decision, 0 to 26."""
    baseline_decided: int
    """Claims decided in the baseline."""
    windows: tuple[WindowResult, ...] = ()
    worse: DirectionResult | None = None
    better: DirectionResult | None = None

    @property
    def judged(self) -> bool:
        """Whether it was tested."""
        return self.reason is None

    def direction(self, direction: Direction) -> DirectionResult | None:
        """The result of one direction, None if not judged."""
        return self.worse if direction == "worse" else self.better


@dataclass(frozen=True)
class Judgement:
    """All nodes of one customer in one week."""

    week_index: int
    nodes: tuple[NodeResult, ...]
    data_feed_stalled: bool
    """True if nearly all payers were slower at once, which says more of the data than of the payers."""

    @property
    def tests(self) -> int:
        """P-values compared: two directions for each node judged."""
        return 2 * sum(node.judged for node in self.nodes)
