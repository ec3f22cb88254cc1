"""The product's settings with a server that kills itself when a request asks for it: only tests start one."""

from payerwatch.config.settings import *  # noqa: F403

MIDDLEWARE = [
    "tests.journeys.dying.AfterTheCommit",
    *MIDDLEWARE,  # noqa: F405
    "tests.journeys.dying.BeforeTheCommit",
]
