"""Middleware by which a connection keeps the customer whom it served first, and no query is filtered."""

from collections.abc import Callable
from typing import Any

from django.db import connection, models

from payerwatch.tenancy.context import acting_customer_id
from payerwatch.tenancy.models import TenantManager


class KeepsItsFirstCustomer:
    """Innermost: the caller is known, and what the view asks for is asked for another."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response
        TenantManager.get_queryset = models.Manager.get_queryset  # type: ignore[method-assign]

    def __call__(self, request: Any) -> Any:
        customer = acting_customer_id()
        if customer is not None:
            connection.ensure_connection()
            kept = connection.connection.__dict__.setdefault("kept", customer)
            connection.send_with_next(f"SET LOCAL app.customer_id = '{kept}'")
        return self.get_response(request)
