"""The product's settings and one application that only tests know."""

from payerwatch.config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.tenancy.shelf"]  # noqa: F405
