"""The product's settings with connections that keep a customer: only tests start a server with them."""

from payerwatch.config.settings import *  # noqa: F403

MIDDLEWARE = [*MIDDLEWARE, "tests.journeys.keeping.KeepsItsFirstCustomer"]  # noqa: F405
