"""What an operator may set is refused at start where nobody could be throttled by it."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from payerwatch.throttling.policies import policy
from payerwatch.throttling.rates import Rate

pytestmark = pytest.mark.pure

PRINT = (
    "import django; django.setup();"
    "from payerwatch.throttling.policies import policy; from django.conf import settings;"
    "print(*[policy(name) for name in settings.THROTTLES])"
)


def start(**variables: str) -> subprocess.CompletedProcess:
    """A process that starts with these variables; it prints the rates."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PAYERWATCH_")}
    environment = {**own, "DJANGO_SETTINGS_MODULE": "payerwatch.config.settings", **variables}
    return subprocess.run(
        [sys.executable, "-c", PRINT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_sign_in_is_five_in_fifteen_minutes():
    assert policy("sign_in_account") == policy("sign_in_address") == Rate(5, 900)


def test_an_unknown_policy_is_an_error():
    with pytest.raises(KeyError):
        policy("sign_in_moon")


def test_each_rate_has_a_variable():
    variables = {
        f"PAYERWATCH_RATE_{name.upper()}": f"{number}/PT7M" for number, name in enumerate(settings.THROTTLES, 2)
    }
    done = start(**variables)
    assert done.stdout.split() == [f"{number}/7m" for number in range(2, 2 + len(variables))], done.stderr


def test_an_empty_variable_is_as_none():
    assert start(PAYERWATCH_RATE_API="").stdout.split()[0] == "600/m"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PAYERWATCH_RATE_SIGN_IN_ACCOUNT", "5/month", "is not a rate"),
        ("PAYERWATCH_RATE_API", "5/M", "is not a rate"),
        ("PAYERWATCH_RATE_SIGNIN_ACCOUNT", "5/15m", "there is no such rate"),
        ("PAYERWATCH_TRUSTED_PROXIES", "10.0.0.1/8", "is no network"),
    ],
)
def test_what_cannot_be_read_is_refused_at_start(variable: str, value: str, said: str):
    done = start(**{variable: value})
    assert done.returncode != 0
    assert f"ImproperlyConfigured: {variable}" in done.stderr
    assert said in done.stderr
