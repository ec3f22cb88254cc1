"""The product's settings with a migration that is left for later: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.release.leaving"]  # noqa: F405
