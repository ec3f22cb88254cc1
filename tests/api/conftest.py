"""The world of two practices, for every test of the API."""

import logging
from collections.abc import Iterator

import pytest

from tests.api.loaded import Loaded, Work, loaded
from tests.api.world import World, built, unhindered
from tests.jobs.caught import catch_steps


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    """Committed as in production: the door's own transactions begin and end with the request."""
    with unhindered():
        yield built()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Thousands of refusals would fill the log."""
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def practice(transactional_db: None) -> Iterator[Loaded]:
    """An empty one, to be loaded by commands."""
    with unhindered():
        yield loaded()


@pytest.fixture
def steps(practice: Loaded) -> Iterator[list[Work]]:
    """The steps put on the queue, which nobody does."""
    queued: list[Work] = []
    with pytest.MonkeyPatch.context() as patch:
        catch_steps(patch, queued.append)
        yield queued


@pytest.fixture
def steps_done(practice: Loaded) -> Iterator[None]:
    """Each step is done as soon as its cause is kept."""
    with pytest.MonkeyPatch.context() as patch:
        catch_steps(patch, lambda work: work())
        yield
