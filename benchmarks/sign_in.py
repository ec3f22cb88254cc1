"""Whether the time of a refused sign-in tells who has an account.

    python benchmarks/sign_in.py [--samples 5000]                                (SQLite)
    scripts/with_postgres.py -- python benchmarks/sign_in.py [--samples 5000]    (PostgreSQL)

The whole action is timed, from the call to the refusal: its queries, counting, one password, the entry in the record.
Attempts for accounts that are unknown, known (a wrong password), suspended and without a password take turns in an
order shuffled anew in each round, each from another address and for another of many accounts. Hashing is made
quick, since a slow hash would drown what might differ. Printed is the AUC of each kind against the unknown ones: the
chance that an attempt of that kind takes longer than one for an unknown account. 0.5 tells nothing.
"""

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.core.management import call_command
from django.utils import timezone
from scipy.stats import mannwhitneyu
from throwaway import refuse_unless_throwaway

SEED = 1
KINDS = ("unknown", "known", "suspended", "passwordless")
ACCOUNTS = 200  # of each kind
WARM_UP = 50
LIFTED = "100000/s"
ALLOWED = 0.03
PASSWORD = "a wrong password of usual length"


class QuickArgon2(Argon2PasswordHasher):
    """About a millisecond: more than all else together varies by, so that a hash left out would show."""

    time_cost = 1
    memory_cost = 1024  # KiB
    parallelism = 1


def main() -> None:
    samples = _samples()
    with tempfile.TemporaryDirectory() as directory:
        attempt = _set_up(Path(directory))
        times = measure(attempt, samples)
    sys.exit(_report(times))


def _samples() -> int:
    parser = argparse.ArgumentParser(description="Whether the time of a refused sign-in tells who has an account.")
    parser.add_argument("--samples", type=int, default=5_000, help="of each kind")
    return int(parser.parse_args().samples)


def _set_up(directory: Path) -> Callable[[str, str], None]:
    """What tries to sign in with an e-mail address from a network address."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    os.environ.update(PAYERWATCH_DATA_DIR=str(directory), PAYERWATCH_CHECKPOINT_DIR=str(directory / "checkpoints"))
    for policy in ("ACCOUNT", "ADDRESS", "EVERYWHERE"):
        os.environ[f"PAYERWATCH_RATE_SIGN_IN_{policy}"] = LIFTED
    django.setup()
    settings.PASSWORD_HASHERS = [f"{__name__}.QuickArgon2"]
    if "DATABASE_URL" in os.environ:
        refuse_unless_throwaway()
    call_command("migrate", verbosity=0)
    _make_accounts()
    actions, models, secrets = (
        import_module(f"payerwatch.members.{name}") for name in ("sign_in", "models", "secrets")
    )

    def attempt(email: str, address: str) -> None:
        with suppress(actions.SignInRefused):
            actions.sign_in(email, PASSWORD, kind=models.Session.Kind.BROWSER, origin=secrets.Origin(address))
            raise AssertionError("A wrong password was accepted.")

    return attempt


def _make_accounts() -> None:
    person = apps.get_model("members", "Person")
    special: Mapping[str, Mapping[str, object]] = {
        "known": {},
        "suspended": {"suspended_at": timezone.now()},
        "passwordless": {"password": ""},
    }
    for kind, fields in special.items():
        usual = {"name": "Somebody", "password": make_password("the right password")}
        person.objects.bulk_create(
            person(email=_email(kind, number), **{**usual, **fields}) for number in range(ACCOUNTS)
        )


def _email(kind: str, number: int) -> str:
    """Of the same length for every kind."""
    return f"{kind[0]}{number:04}@example.com"


def measure(attempt: Callable[[str, str], None], samples: int) -> dict[str, list[float]]:
    """Seconds of each attempt by kind, the kinds taking turns in random order."""
    draw = random.Random(SEED)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(-WARM_UP, samples):
        for kind in draw.sample(KINDS, len(KINDS)):
            email = _email(kind, draw.randrange(ACCOUNTS))
            address = f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
            start = time.perf_counter()
            attempt(email, address)
            taken = time.perf_counter() - start
            if number >= 0:
                times[kind].append(taken)
    return times


def auc(longer: Sequence[float], than: Sequence[float]) -> float:
    """The chance that one of the first takes longer than one of the second (Mann and Whitney 1947)."""
    return float(mannwhitneyu(longer, than).statistic) / (len(longer) * len(than))


def _report(times: Mapping[str, Sequence[float]]) -> int:
    """Print the table; 1 if a kind can be told from the unknown."""
    engine = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    print(f"Refused sign-ins on {engine}, {len(times['unknown']):,} of each kind\n")
    print(f"{'account':<14}{'median':>10}{'AUC against unknown':>24}")
    found = {kind: auc(times[kind], times["unknown"]) for kind in KINDS}
    for kind in KINDS:
        print(f"{kind:<14}{statistics.median(times[kind]) * 1000:>7.3f} ms{found[kind]:>24.3f}")
    told_apart = [kind for kind, value in found.items() if abs(value - 0.5) > ALLOWED]
    print(f"\nwanted: 0.5 within {ALLOWED}: {'no: ' + ', '.join(told_apart) if told_apart else 'yes'}")
    return 1 if told_apart else 0


if __name__ == "__main__":
    main()
