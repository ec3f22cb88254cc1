"""Run-off cells counted from claims one by one, in plain Python: what the product's cells must equal."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from payerwatch.claims.models import Claim
from payerwatch.drift.models import RunoffCell
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

Cells = dict[tuple[Any, ...], tuple[int, ...]]


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def counted_afresh(claims: Iterable[Mapping[str, Any]]) -> Cells:
    """Key (payer id, group, week, lag in weeks, outcome, category) -> (claims, billed, allowed, paid, lag days)."""
    cells: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0] * 5)
    for claim in claims:
        if claim["billed_amount"] == 0:
            continue
        week, lag_weeks, lag_days = monday(claim["submitted_date"]), -1, 0
        if claim["first_outcome"] != "pending":
            lag_weeks = (monday(claim["first_decided_date"]) - week).days // 7
            lag_days = (claim["first_decided_date"] - claim["submitted_date"]).days
        category = claim["first_denial_category"] or ""
        key = (claim["payer_id"], claim["cpt_group"], week, lag_weeks, claim["first_outcome"], category)
        amounts = [claim[name] or 0 for name in ("billed_amount", "allowed_amount", "paid_amount")]
        cells[key] = [old + new for old, new in zip(cells[key], [1, *amounts, lag_days], strict=True)]
    return {key: tuple(sums) for key, sums in cells.items()}


def stored_cells() -> Cells:
    keys = ("payer_id", "cpt_group", "submit_week", "lag_weeks", "outcome", "denial_category")
    sums = ("claims", "billed_amount", "allowed_amount", "paid_amount", "lag_days")
    found = RunoffCell.objects.values_list(*keys, *sums)
    return {cell[: len(keys)]: cell[len(keys) :] for cell in found}


def assert_cells_are_right(customer: Customer) -> None:
    """The customer's cells are those of its claims counted from scratch."""
    with acting_in(customer):
        assert stored_cells() == counted_afresh(Claim.objects.values())
