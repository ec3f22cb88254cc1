"""The world of two practices, for every test of the API."""

import logging
from collections.abc import Iterator

import pytest

from tests.api.world import World, build, unhindered


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """Committed as in production: the door's own transactions begin and end with the request."""
    with unhindered():
        yield build()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Thousands of refusals would fill the log."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)
