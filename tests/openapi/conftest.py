"""The world of two practices, and an installation that can be served."""

from tests.api.conftest import world
from tests.journeys.conftest import installation, migrated

__all__ = ["installation", "migrated", "world"]
