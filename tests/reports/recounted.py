"""A month counted claim by claim, without run-off cells: what a report must say."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from payerwatch.claims.models import Claim
from payerwatch.drift.explanations import median_days
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

AGES = 25


def claims_of(customer: Customer) -> list[Claim]:
    with acting_in(customer):
        return list(Claim.objects.select_related("payer").exclude(billed_amount=0))


def volumes(claims: Iterable[Claim], first: date, last: date) -> dict[str, Any]:
    claims = list(claims)
    submitted = [each for each in claims if first <= each.submitted_date <= last]
    decided = [each for each in claims if each.first_decided_date and first <= each.first_decided_date <= last]
    duplicates = [each for each in decided if each.first_denial_category == "duplicate"]
    return {
        "submitted": len(submitted),
        "still_pending": sum(each.first_outcome == "pending" for each in submitted),
        "billed_amount": _sum(each.billed_amount for each in submitted),
        "decided": len(decided),
        "paid": sum(each.first_outcome == "paid" for each in decided),
        "denied": sum(each.first_outcome == "denied" for each in decided) - len(duplicates),
        "duplicates": len(duplicates),
        "allowed_amount": _sum(each.allowed_amount for each in decided),
        "paid_amount": _sum(each.paid_amount for each in decided),
    }


def mean_days(claims: Iterable[Claim], first: date, last: date) -> float:
    days = [
        (each.first_decided_date - each.submitted_date).days
        for each in claims
        if each.first_decided_date and first <= each.first_decided_date <= last
    ]
    return float(np.mean(days))


def median(claims: Sequence[Claim], first: date, last: date) -> float | None:
    decided, waiting = np.zeros(AGES), np.zeros(AGES)
    mondays = [first + timedelta(weeks=week) for week in range(((last - first).days + 1) // 7)]
    for claim in claims:
        lag = None if claim.first_decided_date is None else _weeks(claim.submitted_date, claim.first_decided_date)
        for monday in mondays:
            age = _weeks(claim.submitted_date, monday)
            if 0 <= age < AGES and (lag is None or lag >= age):
                waiting[age] += 1
                decided[age] += lag == age
    return median_days(decided, waiting)


def _weeks(earlier: date, later: date) -> int:
    return (_monday(later) - _monday(earlier)).days // 7


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _sum(amounts: Iterable[int | None]) -> int:
    return sum(amount or 0 for amount in amounts)
