"""The world of two practices, of which one asks all that can be asked."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from payerwatch.members import sessions
from tests.api.world import World, build, unhindered


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Committed, as the door's own transactions begin and end with the request.

    Who was seen is not noted anew, however long all that is asked takes: that would be asked of the database too.
    """
    monkeypatch.setattr(sessions, "SEEN_EVERY", timedelta(days=1))
    with unhindered():
        yield build()
