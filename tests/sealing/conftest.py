"""Field keys for tests."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


@pytest.fixture
def use_keys(settings: Any) -> Callable[..., None]:
    """Set the field keys by their ids, newest first; none: sealing is off."""

    def use(*key_ids: str) -> None:
        settings.FIELD_KEYS = {key_id: key(key_id) for key_id in key_ids}

    return use
