"""The product's settings with a server whose processes are slow to begin: only tests start one."""

from payerwatch.config.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.journeys.slow_start.SlowStart"]  # noqa: F405
