"""The connection: refuses to serve the application as a role that row policies do not hold."""

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base

from payerwatch.tenancy.postgresql.creation import DatabaseCreation
from payerwatch.tenancy.postgresql.features import DatabaseFeatures
from payerwatch.tenancy.postgresql.operations import DatabaseOperations
from payerwatch.tenancy.postgresql.roles import MIGRATING, refuse_connected_role_above_policies


class DatabaseWrapper(base.DatabaseWrapper):
    creation_class = DatabaseCreation
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def init_connection_state(self) -> None:
        super().init_connection_state()
        if self.alias == NO_DB_ALIAS or self.settings_dict.get(MIGRATING):
            return
        try:
            refuse_connected_role_above_policies(self)
        except (DatabaseError, ImproperlyConfigured):
            self.close()
            raise
