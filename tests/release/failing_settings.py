"""The product's settings with one route that fails: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

MIDDLEWARE = [*MIDDLEWARE, "tests.release.faults.FailsAtOneRoute"]  # noqa: F405
