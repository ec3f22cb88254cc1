"""The thresholds of a judgement. Everything a customer may one day turn is here."""

from dataclasses import dataclass
from datetime import date, timedelta

METHOD_VERSION = 1
"""Raised by a release that judges the same cells differently, so that old runs do not answer for it."""

FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2100, 12, 31)
"""Between these lies every day that may be judged as on."""
STALE_AFTER = timedelta(days=10)
"""Data older than this, on the day asked for, are said to be stale. It changes no judgement."""


@dataclass(frozen=True)
class Parameters:
    """When a node is tested and what makes a finding an alert or a watch."""

    baseline_weeks_minimum: int = 8
    """Weeks of the baseline since a node's first decision; below, it is still learning."""
    false_discovery_rate: float = 0.10
    """An alert's adjusted p-value is at most this."""
    very_likely_rate: float = 0.01
    """At or below this adjusted p-value an alert is very likely, else likely."""
    watch_p_value: float = 0.02
    """A node below this p-value whose effect is large enough is watched."""
    denial_effect: float = 0.02
    """Smallest shrunken excess of the denial rate worth telling, either way."""
    slower_ratio: float = 0.90
    """Decisions are slower at or below this observed / expected."""
    faster_ratio: float = 1.11
    """Decisions are faster at or above this observed / expected."""
    quiet_denial_effect: float = 0.01
    """A shrunken excess nearer to zero than this counts towards closing an event."""
    quiet_ratio: tuple[float, float] = (0.95, 1.05)
    """Observed / expected within these counts towards closing an event."""
    stalled_share: float = 0.70
    """If so many of the payers judged are slower in one week, the data feed is stalled, not the payers."""
    stalled_payers_minimum: int = 3
    """Fewer payers judged than this never make a stalled feed."""


DEFAULTS = Parameters()
