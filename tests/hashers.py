"""Password hashing that is cheap enough for tests and the same otherwise."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class CheapArgon2(Argon2PasswordHasher):
    time_cost = 1
    memory_cost = 8  # KiB
    parallelism = 1


class LessCheapArgon2(CheapArgon2):
    """What the cheap one's hashes are renewed to."""

    time_cost = 2
