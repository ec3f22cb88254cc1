"""The product's settings and applications that only tests know."""

import atexit
import os
import tempfile
from pathlib import Path

from payerwatch.config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.tenancy.shelf", "tests.schema_changes.trial"]  # noqa: F405
MIGRATION_MODULES: dict[str, str | None] = {"trial": None}  # only its own tests apply them

if DATABASES["default"]["ENGINE"] == "payerwatch.tenancy.sqlite":  # noqa: F405
    # Parallel test processes each have their own; a name would make them files beside the working directory.
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405

THROW_AWAY_DATABASE = True

PASSWORD_HASHERS = ["tests.hashers.CheapArgon2"]

if "PAYERWATCH_CHECKPOINT_DIR" not in os.environ:
    # Processes that tests start share it, and with it the key that the first one's migrations made.
    _checkpoints = tempfile.TemporaryDirectory(prefix="payerwatch-tests-")
    atexit.register(_checkpoints.cleanup)
    os.environ["PAYERWATCH_CHECKPOINT_DIR"] = _checkpoints.name
CHECKPOINT_DIR = Path(os.environ["PAYERWATCH_CHECKPOINT_DIR"])
CHECKPOINT_KEY = CHECKPOINT_DIR / "checkpoint_key.pem"

SECRET_KEY = "the same in every process of the tests, which name their cases by it"
