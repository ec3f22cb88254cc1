"""The product's settings with a migration that fails: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.release.unmigratable"]  # noqa: F405
