"""What a worker that was stopped would do with nothing to hold it back: so the proof sees what it looks for."""

import pytest

from payerwatch.tenancy.models import Customer
from tests.jobs.test_stopped import TRIALS, Trial, practice, trials

__all__ = ["practice"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgresql,
    pytest.mark.proof,
    pytest.mark.usefixtures("table"),
]

MOST = 20
"""Trials for one in which the worker was stopped between two transactions, as chance has it."""


def test_without_the_proof_it_would(practice: Customer):
    """Where it was stopped between two transactions: in the middle of one it loses its connection, and tries again."""
    wanted = max(1, TRIALS // 5)
    found = trials(practice, lambda found: len(between(found)) == wanted or len(found) == MOST * wanted, "--unheld")
    assert between(found)
    assert all(each.later for each in between(found))


def between(found: list[Trial]) -> list[Trial]:
    return [each for each in found if not each.in_transaction]
