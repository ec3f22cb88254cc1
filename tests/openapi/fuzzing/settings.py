"""The product's settings with passwords that are cheap to check: what is asked here is no question of their cost."""

from payerwatch.config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["tests.hashers.CheapArgon2"]
