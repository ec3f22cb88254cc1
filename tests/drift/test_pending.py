from dataclasses import replace

import numpy as np
import pytest

from payerwatch.drift.pending import check_pending, share_decided_by_lag
from payerwatch.drift.runoff_arrays import RunoffArrays, by_submission_week
from tests.drift.invented import history

pytestmark = pytest.mark.pure

LAST_WEEK = 63


def pending_of(arrays: RunoffArrays) -> np.ndarray:
    return arrays.submitted - by_submission_week(arrays.decided).sum(axis=2)


def test_a_complete_export_has_about_the_pending_claims_foretold() -> None:
    arrays = history()
    check = check_pending(arrays, pending_of(arrays), LAST_WEEK)
    assert not check.missing
    assert check.expected == pytest.approx(check.present, rel=0.1)


def test_an_export_of_decided_claims_only_is_noticed() -> None:
    arrays = history()
    decided_only = replace(arrays, submitted=by_submission_week(arrays.decided).sum(axis=2))
    check = check_pending(decided_only, pending_of(decided_only), LAST_WEEK)
    assert check.missing
    assert check.expected == pytest.approx(pending_of(arrays).sum(), rel=0.1)


def test_pending_claims_may_be_given_per_week() -> None:
    arrays = history()
    assert not check_pending(arrays, pending_of(arrays).sum(axis=0), LAST_WEEK).missing


def test_long_before_the_watermark_nothing_pending_is_missed() -> None:
    arrays = history()
    check = check_pending(arrays, np.zeros_like(arrays.submitted), LAST_WEEK)
    assert check.missing
    assert not check.known_at(LAST_WEEK)
    assert check.known_at(LAST_WEEK - 12)
    assert check.known_at(0)


def test_with_pending_claims_every_week_is_known() -> None:
    arrays = history()
    check = check_pending(arrays, pending_of(arrays), LAST_WEEK)
    assert all(check.known_at(week) for week in range(LAST_WEEK + 1))


def test_a_handful_of_claims_says_nothing() -> None:
    arrays = history(volume=0.1)
    assert not check_pending(arrays, np.zeros_like(arrays.submitted), LAST_WEEK).missing


def test_nothing_decided_says_nothing() -> None:
    arrays = history()
    blank = np.zeros_like(arrays.denied)
    empty = replace(arrays, denied=blank, paid=blank)
    assert not check_pending(empty, np.zeros_like(arrays.submitted), LAST_WEEK).missing


def test_shares_decided_come_from_cohorts_old_enough() -> None:
    cohorts = np.zeros((3, 26), int)
    cohorts[0, :3] = (10, 20, 10)
    cohorts[1, :2] = (20, 40)
    cohorts[2, 0] = 15
    assert share_decided_by_lag(cohorts)[:3] == pytest.approx([0.75 / 3, 0.75, 1.0])
