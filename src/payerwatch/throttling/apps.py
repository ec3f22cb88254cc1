"""Refuses at start what nobody could be throttled by."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payerwatch.throttling.client_address import ProxiesUnreadable, read_proxies
from payerwatch.throttling.policies import refuse_unreadable_rates


class ThrottlingConfig(AppConfig):
    name = "payerwatch.throttling"

    def ready(self) -> None:
        """Raise ImproperlyConfigured for a rate or a proxy that cannot be read."""
        refuse_unreadable_rates()
        try:
            read_proxies(settings.TRUSTED_PROXIES)
        except ProxiesUnreadable as refusal:
            raise ImproperlyConfigured(f"PAYERWATCH_TRUSTED_PROXIES: {refusal}") from None
