"""The product's settings with answers that take many times as long: only tests start it."""

from payerwatch.config.settings import *  # noqa: F403

MIDDLEWARE = ["tests.release.faults.TakesLong", *MIDDLEWARE]  # noqa: F405
