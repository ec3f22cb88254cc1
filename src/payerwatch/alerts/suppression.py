"""Two alerts about a payer and CPT group that were found to be noise hold the next one back, where people see it.

Each alert that was found to be noise counts, and each drift event that was called so: two rules that told of the same
event, and were both found to be noise, are two. What several people say of one alert is one verdict, the latest.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from payerwatch.alerts.feedback import verdicts_in_force
from payerwatch.alerts.models import Verdict

NOISE_VERDICTS = 2
WITHIN = timedelta(days=30)
Pair = tuple[int, str]
"""Payer id and CPT group, blank for the payer as a whole."""


def noisy_pairs(now: datetime) -> set[Pair]:
    """The pairs whose next alert is held."""
    in_force = verdicts_in_force().filter(given_at__gte=now - WITHIN)
    said: dict[Pair, list[str]] = defaultdict(list)
    for payer, group, kind in in_force.order_by("-given_at", "-pk").values_list("payer_id", "cpt_group", "kind"):
        said[payer, group].append(kind)
    return {pair for pair, kinds in said.items() if held_back(kinds)}


def held_back(kinds: Sequence[str]) -> bool:
    """Whether these verdicts on a pair, the newest first, hold its next alert: what was real ends what was before."""
    since_real = kinds[: kinds.index(Verdict.Kind.REAL)] if Verdict.Kind.REAL in kinds else kinds
    return list(since_real).count(Verdict.Kind.NOISE) >= NOISE_VERDICTS
