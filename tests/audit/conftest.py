"""Two customers with a chain each, and checkpoints of the test's own."""

from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.record import Thing, record
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make

LENGTH = 12


def act(customer: Customer, times: int = 1) -> None:
    """So many changes, each in a transaction of its own."""
    for number in range(times):
        with acting_in(customer):
            record("undo", Thing("upload", f"upl_{number}"), actor=make.ACTOR, after={"claims": number})


@pytest.fixture
def checkpoints(settings: Any, tmp_path: Path) -> Path:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"
    return settings.CHECKPOINT_DIR


@pytest.fixture
def practices(transactional_db: None, checkpoints: Path) -> tuple[Customer, Customer]:
    """Two customers whose chains have LENGTH entries each, the first of them that it was added."""
    both = make.customer("Practice"), make.customer("Other")
    for customer in both:
        act(customer, LENGTH - 1)
    return both
