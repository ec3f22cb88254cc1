"""What opens doors elsewhere, as it is stored: sealed always, and for one customer alone."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from payerwatch.deliveries.models import Endpoint
from payerwatch.sealing.keys import seal_secret, seal_secret_under, unseal_secret
from payerwatch.tenancy.context import current_customer_id

URL, SECRET = "endpoint url", "endpoint secret"


def sealed(text: str, what: str) -> str:
    """As it is stored for the customer entered."""
    return seal_secret(text, _purpose(what))


def sealed_under(key_id: str | None, text: str, what: str) -> str:
    """The same under this field key; None: under SECRET_KEY. Raises FieldKeyMissing."""
    return seal_secret_under(key_id, text, _purpose(what))


def unsealed(stored: str, what: str) -> str:
    """The text. Raises FieldKeyMissing, and SealBroken for another customer's."""
    return unseal_secret(stored, _purpose(what))


def url_of(endpoint: Endpoint) -> str:
    return unsealed(endpoint.sealed_url, URL)


def secrets_in_force(endpoint: Endpoint, now: datetime) -> Sequence[str]:
    """The newest first."""
    kept = endpoint.secrets.filter(Q(expires_at=None) | Q(expires_at__gt=now)).order_by("-pk")
    return [unsealed(each, SECRET) for each in kept.values_list("sealed_secret", flat=True)]


def _purpose(what: str) -> str:
    return f"{what} of customer {current_customer_id()}"
