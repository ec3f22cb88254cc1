"""What the tests here share with those of journeys."""

from tests.journeys.conftest import migrated

__all__ = ["migrated"]
