"""The product's settings with one answer that takes long and one that fails: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

MIDDLEWARE = ["tests.loadtest.faults.SlowHereFailingThere", *MIDDLEWARE]  # noqa: F405
