"""The application that `payerwatch serve` runs."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler
from django.urls import ResolverMatch

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")


class Handler(WSGIHandler):
    """Django's, which takes what the door found at the address instead of looking once more."""

    def resolve_request(self, request: Any) -> ResolverMatch:
        """Raises Resolver404."""
        found: ResolverMatch | None = getattr(request, "found", None)
        if found is None:
            return super().resolve_request(request)
        request.resolver_match = found
        return found


def _application() -> Handler:
    django.setup(set_prefix=False)
    return Handler()


application = _application()
