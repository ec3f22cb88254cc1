"""The product's settings with every write failing: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

MIDDLEWARE = [*MIDDLEWARE, "tests.release.faults.FailsToWrite"]  # noqa: F405
