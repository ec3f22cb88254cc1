"""A clock that stands still, and a practice that is entered."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from payerwatch.tenancy.context import acting_in
from tests.alerts.making import Clock
from tests.make import customer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def practice(clock: Clock) -> Iterator[None]:
    with acting_in(customer()):
        yield
