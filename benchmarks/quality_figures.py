"""From looks to figures: false alerts, what was found and when, pooled over seeds."""

from collections import Counter
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_looks import MEASURES, Looks, product_looks, threshold_looks
from benchmarks.quality_process import History

NEVER = -1


@dataclass
class Tally:
    """One measure of one system in one scenario; adds up over seeds."""

    looks: int = 0
    healthy_series: int = 0
    """Healthy series, summed over seeds."""
    seeds: int = 0
    false_starts: int = 0
    """New alerts on healthy series and payers."""
    false_events: int = 0
    false_watch: int = 0
    alarmed: int = 0
    """Healthy series at alert, summed over looks."""
    false_share: float = 0.0
    """False series alerts / all series alerts, summed over looks."""
    own: Counter[int] = field(default_factory=Counter)
    """Changed series by the look (from 1) of their first alert, or NEVER."""
    own_or_payer: Counter[int] = field(default_factory=Counter)
    watched: Counter[int] = field(default_factory=Counter)
    payers: Counter[int] = field(default_factory=Counter)
    """Changed payers by the look of their first alert."""
    any_series: Counter[int] = field(default_factory=Counter)
    """Changed payers by the look of the first alert of any of their series."""

    def __add__(self, other: "Tally") -> "Tally":
        names = [one.name for one in fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def _per_week_and_100(self, count: float) -> float:
        return count / (self.looks / self.seeds * self.healthy_series / 100)

    @property
    def new_false(self) -> float:
        """New false alerts (starts) per week per 100 healthy series."""
        return self._per_week_and_100(self.false_starts)

    @property
    def new_false_events(self) -> float:
        """The same, by the product's event lifecycle."""
        return self._per_week_and_100(self.false_events)

    @property
    def new_watch(self) -> float:
        """Healthy nodes newly at watch or alert, per week per 100 healthy series."""
        return self._per_week_and_100(self.false_watch)

    @property
    def in_alarm(self) -> float:
        """Share of healthy series at alert in an average week."""
        return self.alarmed / (self.looks / self.seeds * self.healthy_series)

    @property
    def false_discovery(self) -> float:
        """Mean weekly share of series alerts that were false."""
        return self.false_share / self.looks


def found_by(first: Counter[int], look: int) -> float:
    """Share alerted at or before a look (from 1)."""
    return sum(n for when, n in first.items() if when != NEVER and when <= look) / max(1, first.total())


def median_look(first: Counter[int]) -> float:
    """Median look of the first alert, infinite if under half were alerted."""
    looks = sorted(np.inf if look == NEVER else look for look in first.elements())
    return float(np.median(looks)) if looks and looks[len(looks) // 2] < np.inf else np.inf


def tallies(history: History, kind: str) -> dict[str, Tally]:
    """Tally of each system and measure, keyed ``product denial_rate`` and so on.

    ``rule`` is the threshold rule, worse direction; ``either`` the same rule in both directions.
    """
    result = {}
    worse, either = threshold_looks(history)
    for system, looks in (("product", product_looks(history)), ("rule", worse), ("either", either)):
        for measure in MEASURES:
            result[f"{system} {measure}"] = _tally(looks[measure], history, kind, measure)
    return result


def _tally(looks: Looks, history: History, kind: str, measure: str) -> Tally:
    series, payers = _changed(history, kind, measure)
    healthy = ~np.concatenate([series, payers])
    size = series.size
    alerts = looks.alert[:, :size]
    false = (alerts & ~series).sum(axis=1)
    return Tally(
        looks=looks.alert.shape[0],
        healthy_series=int((~series).sum()),
        seeds=1,
        false_starts=int(looks.starts[:, healthy].sum()),
        false_events=int(looks.events[:, healthy].sum()),
        false_watch=int(looks.watch_starts[:, healthy].sum()),
        alarmed=int(false.sum()),
        false_share=float((false / np.maximum(1, alerts.sum(axis=1))).sum()),
        **_firsts(looks, history, series, payers),
    )


def _firsts(
    looks: Looks, history: History, series: NDArray[np.bool_], payers: NDArray[np.bool_]
) -> dict[str, Counter[int]]:
    size = series.size
    alerts, of_payers = looks.alert[:, :size], looks.alert[:, size:]
    any_series = np.array([(alerts & series)[:, history.payer == p].any(axis=1) for p in range(payers.size)]).T
    return {
        "own": _first(alerts[:, series]),
        "own_or_payer": _first((alerts | of_payers[:, history.payer])[:, series]),
        "watched": _first(looks.watch[:, :size][:, series]),
        "payers": _first(of_payers[:, payers]),
        "any_series": _first(any_series[:, payers]),
    }


def _changed(history: History, kind: str, measure: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Series and payers whose alerts are not false: found, or (denials heard in the other measure) set apart."""
    payers = np.zeros(int(history.payer.max()) + 1, bool)
    series = np.zeros(history.payer.size, bool)
    if kind == "steady" or (kind == "stall" and measure == "denial_rate"):
        return series, payers
    payers[history.changed_payers] = True
    series[list(history.change.series)] = True
    return series | np.isin(history.payer, history.change.frozen_payers), payers


def _first(flags: NDArray[np.bool_]) -> Counter[int]:
    """How many columns are first true at each look, from 1."""
    first = np.where(flags.any(axis=0), flags.argmax(axis=0) + 1, NEVER)
    return Counter(first.tolist())
