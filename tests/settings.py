"""The product's settings and one application that only tests know."""

from payerwatch.config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.tenancy.shelf"]  # noqa: F405

if DATABASES["default"]["ENGINE"] == "payerwatch.tenancy.sqlite":  # noqa: F405
    # Parallel test processes each have their own; a name would make them files beside the working directory.
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405
