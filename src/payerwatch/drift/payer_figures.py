"""What the run-off cells say of payers: claims, first decisions, days and money, without a look at any claim."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import F, Max, Q, QuerySet, Sum

from payerwatch.drift.models import RunoffCell

_DECIDED = ~Q(outcome="pending")
_DUPLICATE = Q(outcome="denied", denial_category="duplicate")
_DENIED = Q(outcome="denied") & ~Q(denial_category="duplicate")
_SUMS = {
    "all": Sum("claims"),
    "week": Max("submit_week"),
    "decided": Sum("claims", filter=_DECIDED, default=0),
    "duplicates": Sum("claims", filter=_DUPLICATE, default=0),
    "denied": Sum("claims", filter=_DENIED, default=0),
    "days": Sum("lag_days", filter=_DECIDED, default=0),
    "billed": Sum("billed_amount"),
    "allowed": Sum("allowed_amount"),
    "paid": Sum("paid_amount"),
}
FIGURES = tuple(_SUMS)
"""The columns of PayerFigures, in its order."""


@dataclass(frozen=True)
class PayerFigures:
    """Of one payer. Amounts are whole cents; a claim without an amount adds none."""

    claims: int = 0
    last_week: date | None = None
    decided: int = 0
    duplicates: int = 0
    denied: int = 0
    lag_days: int = 0
    billed_amount: int = 0
    allowed_amount: int = 0
    paid_amount: int = 0

    @property
    def denial_rate_of(self) -> int:
        """Decisions that the rate is a share of: all but denials as exact duplicate."""
        return self.decided - self.duplicates

    @property
    def denial_rate(self) -> float | None:
        return self.denied / self.denial_rate_of if self.denial_rate_of else None

    @property
    def days_to_decision(self) -> float | None:
        return self.lag_days / self.decided if self.decided else None


class FiguresByPayer(dict[int, PayerFigures]):
    """By the payer's number; a payer without cells has figures of nothing."""

    def __missing__(self, payer: int) -> PayerFigures:
        return PayerFigures()


def submitted(
    cells: QuerySet[RunoffCell], first: date | None, last: date | None, cpt_group: str = ""
) -> QuerySet[RunoffCell]:
    """Of the cells those of the whole weeks that hold these days, and all between."""
    if first is not None:
        cells = cells.filter(submit_week__gt=first - timedelta(days=7) if first.toordinal() > 7 else date.min)
    if last is not None:
        cells = cells.filter(submit_week__lte=last)
    return cells.filter(cpt_group=cpt_group) if cpt_group else cells


def figures_of(payers: Iterable[int]) -> FiguresByPayer:
    """One query, whatever the number of payers."""
    among = RunoffCell.objects.filter(payer__in=list(payers))
    rows = among.order_by().values("payer_id").annotate(**_SUMS).values_list("payer_id", *_SUMS)
    return FiguresByPayer((payer, PayerFigures(*figures)) for payer, *figures in rows)


def summed_by_payer(cells: QuerySet[RunoffCell]) -> QuerySet:
    """A row for each payer that has any of the cells: `payer_id`, `name`, `name_key`, and the columns of FIGURES."""
    names = {"name": F("payer__name"), "name_key": F("payer__name_key")}
    return cells.order_by().values("payer_id", **names).annotate(**_SUMS)
