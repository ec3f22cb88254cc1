"""The product's settings and one application that only tests know."""

import atexit
import tempfile
from pathlib import Path

from payerwatch.config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.tenancy.shelf"]  # noqa: F405

if DATABASES["default"]["ENGINE"] == "payerwatch.tenancy.sqlite":  # noqa: F405
    # Parallel test processes each have their own; a name would make them files beside the working directory.
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405

PASSWORD_HASHERS = ["tests.hashers.CheapArgon2"]

_checkpoints = tempfile.TemporaryDirectory(prefix="payerwatch-tests-")
atexit.register(_checkpoints.cleanup)
CHECKPOINT_DIR = Path(_checkpoints.name) / "checkpoints"
CHECKPOINT_KEY = Path(_checkpoints.name) / "checkpoint_key.pem"
