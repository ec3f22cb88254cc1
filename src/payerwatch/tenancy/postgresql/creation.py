"""Test databases, made and dropped by the migrator so that tests run as the application does."""

from typing import Any

from django.db.backends.postgresql import creation

from payerwatch.tenancy.postgresql.roles import as_migrator


class DatabaseCreation(creation.DatabaseCreation):
    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        with as_migrator(self.connection.alias):
            return super().create_test_db(*args, **kwargs)

    def clone_test_db(self, *args: Any, **kwargs: Any) -> None:
        with as_migrator(self.connection.alias):
            super().clone_test_db(*args, **kwargs)

    def destroy_test_db(self, *args: Any, **kwargs: Any) -> None:
        with as_migrator(self.connection.alias):
            super().destroy_test_db(*args, **kwargs)
