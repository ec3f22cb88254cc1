"""The rates by name, as the settings have them."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payerwatch.config.env import rate_variable
from payerwatch.throttling.rates import Rate, read_rate
from payerwatch.throttling.refusals import RateUnreadable


def policy(name: str) -> Rate:
    """The rate of a policy, such as `sign_in_account`. Raises KeyError for a name the settings do not have."""
    return read_rate(settings.THROTTLES[name])


def refuse_unreadable_rates() -> None:
    """Raise ImproperlyConfigured, with the environment variable's name, if a rate cannot be read."""
    for name in settings.THROTTLES:
        try:
            policy(name)
        except RateUnreadable as refusal:
            raise ImproperlyConfigured(f"{rate_variable(name)}: {refusal}") from None
