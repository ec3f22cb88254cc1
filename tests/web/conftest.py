"""One practice and its owner, asked through every middleware."""

from collections.abc import Iterator

import pytest

from tests.web.asking import Caller, owner_of_one, unhindered


@pytest.fixture
def owner(db: None) -> Iterator[Caller]:
    """Committed as in production: the door's own transactions begin and end with the request."""
    with unhindered():
        yield owner_of_one("Practice")
