"""The connection: refuses to serve the application as a role that row policies do not hold."""

import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base

from payerwatch.tenancy.postgresql.creation import DatabaseCreation
from payerwatch.tenancy.postgresql.features import DatabaseFeatures
from payerwatch.tenancy.postgresql.operations import DatabaseOperations
from payerwatch.tenancy.postgresql.roles import MIGRATING, refuse_connected_role_above_policies

TRUSTED_SECONDS = 1.0
"""For so long after it was used a connection is taken to be there still; after that the server is asked first."""


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._used_at = 0.0

    def close_if_health_check_failed(self) -> None:
        """Called before each statement; asks the server at most once in a request, and only after a silence."""
        now = time.monotonic()
        if now - self._used_at < TRUSTED_SECONDS:
            self.health_check_done = True
        super().close_if_health_check_failed()
        self._used_at = now

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self.alias == NO_DB_ALIAS or self.settings_dict.get(MIGRATING):
            return
        try:
            refuse_connected_role_above_policies(self)
        except (DatabaseError, ImproperlyConfigured):
            self.close()
            raise
