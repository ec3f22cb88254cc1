"""What is dialled while something is sent is watched, and may lead to this machine."""

from typing import Any

import pytest

from tests.deliveries.dialling import Dialled, watch


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> Dialled:
    return watch(monkeypatch)


@pytest.fixture
def plain(dialled: Dialled, settings: Any) -> Dialled:
    """Sending without TLS to this machine, where what is shown has nothing to do with it."""
    settings.ALLOW_PRIVATE_ENDPOINTS = True
    return dialled
