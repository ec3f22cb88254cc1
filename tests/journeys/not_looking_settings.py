"""The product's settings with a server that does not look for what waits: only tests start one."""

from payerwatch.config.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.journeys.not_looking.NotLooking"]  # noqa: F405
