"""What each claim of a practice was for and what came of the money, in whole US cents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.late import numpy as np
from payerwatch.operations.practice.catalogue import GroupProfile
from payerwatch.operations.practice.drawing import Practice

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cents: TypeAlias = "NDArray[np.int64]"
CHARGES_STREAM = 1
PARTLY_PAID_RATE = 0.04
APPEALED_RATE = 0.15
DAYS_UNTIL_APPEAL = 21
LONGEST_DAYS_TO_SUBMIT = 21
PATIENT_SHARES = (0.0, 0.10, 0.20, 0.40)
PATIENT_SHARE_RATES = (0.45, 0.20, 0.30, 0.05)


@dataclass(frozen=True)
class Charges:
    """One row per claim, in the order of the practice's claims.

    code: index into `codes_of(practice)`. service_day counts like the claims' days.
    allowed and paid are 0 for denials and have no meaning for pending claims.
    """

    code: NDArray[np.int16]
    service_day: NDArray[np.int32]
    billed_amount: Cents
    allowed_amount: Cents
    paid_amount: Cents
    partly_paid: NDArray[np.bool_]
    appealed: NDArray[np.bool_]


def codes_of(practice: Practice) -> list[str]:
    """Every procedure code the practice bills, group after group."""
    return [charge.code for group in practice.shape.group_profiles for charge in group.charges]


def draw_charges(practice: Practice) -> Charges:
    """Charges by code and units, allowed by the payer's contract, paid less the patient's share."""
    rng = np.random.default_rng([practice.seed, CHARGES_STREAM])
    claims = practice.claims
    code, billed = _billed(rng, practice)
    contract = np.array([payer.allowed_rate for payer in practice.shape.payer_profiles])
    allowed = np.rint(billed * contract[practice.payer] * ~claims.denied).astype(np.int64)
    partly_paid = ~claims.denied & (rng.random(claims.series.size) < PARTLY_PAID_RATE)
    age = practice.calendar.last_day - claims.decision_day
    appealed = claims.denied & (age > DAYS_UNTIL_APPEAL) & (rng.random(age.size) < APPEALED_RATE)
    days_to_submit = np.minimum(rng.geometric(0.3, age.size), LONGEST_DAYS_TO_SUBMIT)
    return Charges(
        code=code,
        service_day=(claims.submit_day - days_to_submit).astype(np.int32),
        billed_amount=billed,
        allowed_amount=allowed,
        paid_amount=_paid(rng, allowed, partly_paid),
        partly_paid=partly_paid,
        appealed=appealed,
    )


def _billed(rng: np.random.Generator, practice: Practice) -> tuple[NDArray[np.int16], Cents]:
    """Code and charge of each claim."""
    group_of = practice.claims.series % practice.shape.groups
    code = np.zeros(group_of.size, np.int16)
    billed = np.zeros(group_of.size, np.int64)
    first = 0
    for index, group in enumerate(practice.shape.group_profiles):
        rows = np.flatnonzero(group_of == index)
        picked = rng.choice(len(group.charges), rows.size, p=_weights(group))
        unit = np.array([charge.unit_amount for charge in group.charges])
        code[rows] = first + picked
        billed[rows] = unit[picked] * rng.integers(1, group.most_units + 1, rows.size)
        first += len(group.charges)
    return code, billed


def _weights(group: GroupProfile) -> NDArray[np.float64]:
    weight = np.array([charge.weight for charge in group.charges])
    return np.asarray(weight / weight.sum())


def _paid(rng: np.random.Generator, allowed: Cents, partly_paid: NDArray[np.bool_]) -> Cents:
    patient = rng.choice(PATIENT_SHARES, allowed.size, p=PATIENT_SHARE_RATES)
    part = np.where(partly_paid, rng.uniform(0.4, 0.7, allowed.size), 1.0)
    return np.asarray(np.rint(allowed * (1 - patient) * part), np.int64)
