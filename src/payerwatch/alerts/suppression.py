"""Two alerts about a payer and CPT group that were found to be noise hold the next one back, where people see it."""

from datetime import datetime, timedelta

from payerwatch.alerts.models import Verdict

NOISE_VERDICTS = 2
WITHIN = timedelta(days=30)


def held(payer_id: int, cpt_group: str, now: datetime) -> bool:
    """Whether the next alert about this payer and CPT group is held: what was found since to be real ends it."""
    in_force = Verdict.objects.filter(
        payer=payer_id, cpt_group=cpt_group, given_at__gte=now - WITHIN, superseded_at=None
    )
    kinds = list(in_force.order_by("-given_at", "-pk").values_list("kind", flat=True))
    if Verdict.Kind.REAL in kinds:
        kinds = kinds[: kinds.index(Verdict.Kind.REAL)]
    return kinds.count(Verdict.Kind.NOISE) >= NOISE_VERDICTS
