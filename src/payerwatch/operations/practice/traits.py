"""The standing character of a practice: its volumes, how often each payer denies and how fast it decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from payerwatch.late import numpy as np
from payerwatch.operations.practice.catalogue import (
    FAVOURITE_DENIAL_WEIGHT,
    REASONS,
    USUAL_DENIALS,
    PayerProfile,
)
from payerwatch.operations.practice.shape import PracticeShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
LOWEST_RATE, HIGHEST_RATE = 0.04, 0.25


@dataclass(frozen=True)
class Traits:
    """Arrays by series (payer-major, payer * groups + group) or by payer.

    share: of the practice's claims, sums to 1, by series. denial_logit: by series.
    paid_days, denied_days: median days to the first decision, by payer; floor_days: before any payment.
    reason_rate: by payer x reason of the catalogue, rows sum to 1.
    """

    share: Floats
    denial_logit: Floats
    paid_days: Floats
    denied_days: Floats
    floor_days: Floats
    reason_rate: Floats


def draw_traits(rng: np.random.Generator, shape: PracticeShape) -> Traits:
    """The catalogue's figures with a little of this seed's own character."""
    payers = shape.payer_profiles
    return Traits(
        share=_shares(rng, shape),
        denial_logit=_denial_logits(rng, shape),
        paid_days=_jittered(rng, [payer.paid_days for payer in payers], 0.08),
        denied_days=_jittered(rng, [payer.denied_days for payer in payers], 0.08),
        floor_days=np.array([payer.floor_days for payer in payers], float),
        reason_rate=np.array([_reason_rates(payer) for payer in payers]),
    )


def _jittered(rng: np.random.Generator, values: list[float], sd: float) -> Floats:
    return np.array(values) * np.exp(sd * rng.standard_normal(len(values)))


def _shares(rng: np.random.Generator, shape: PracticeShape) -> Floats:
    payer = _jittered(rng, [profile.share for profile in shape.payer_profiles], 0.12)
    group = _jittered(rng, [profile.share for profile in shape.group_profiles], 0.12)
    affinity = np.exp(0.25 * rng.standard_normal((shape.payers, shape.groups)))
    share = np.ones(shape.series) if shape.equal_shares else (payer[:, None] * group * affinity).ravel()
    return np.asarray(share / share.sum())


def _denial_logits(rng: np.random.Generator, shape: PracticeShape) -> Floats:
    payer = np.array([profile.denial_rate for profile in shape.payer_profiles])
    group = np.array([profile.denial_logit for profile in shape.group_profiles])
    own = 0.15 * rng.standard_normal((shape.payers, shape.groups))
    logit = np.log(payer / (1 - payer))[:, None] + group + own
    lowest, highest = (np.log(rate / (1 - rate)) for rate in (LOWEST_RATE, HIGHEST_RATE))
    return np.asarray(np.clip(logit, lowest, highest).ravel())


def _reason_rates(payer: PayerProfile) -> Floats:
    """How often this payer gives each reason of the catalogue: by category, then in codes or words."""
    wanted = dict(USUAL_DENIALS)
    wanted[payer.favourite_denial] += FAVOURITE_DENIAL_WEIGHT
    alike = Counter((reason.category, reason.is_coded) for reason in REASONS)
    rates = []
    for reason in REASONS:
        writing = payer.coded_reason_rate if reason.is_coded else 1 - payer.coded_reason_rate
        rates.append(wanted[reason.category] * writing / alike[reason.category, reason.is_coded])
    return np.array(rates) / sum(rates)
