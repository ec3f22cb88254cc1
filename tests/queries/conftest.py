"""The world of two practices, of which one asks all that can be asked."""

from collections.abc import Iterator

import pytest

from tests.api.world import World, build, unhindered


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """Committed, as the door's own transactions begin and end with the request."""
    with unhindered():
        yield build()
