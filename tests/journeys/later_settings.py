"""The product's settings with a migration that waits for the release before to end: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.journeys.later"]  # noqa: F405
