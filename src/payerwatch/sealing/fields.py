"""A text column that is sealed in the database and plain in Python."""

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup, Transform

from payerwatch.sealing.keys import seal, unseal
from payerwatch.sealing.models import key_id_to_write_under, refuse_plain
from payerwatch.sealing.sealing import key_id_of
from payerwatch.tenancy.context import current_customer_id


class SealedFieldNotSearchable(FieldError):
    """A sealed column was compared in a query. Sealed twice, a text looks different: it can only be read."""


class SealedTextField(models.TextField):
    """Text of a customer that only a holder of the field keys can read from the database.

    Sealed under the key recorded for the customer entered, plain where none is; a plain value of a customer that
    has a key is SealBroken. `purpose` names what the value is: it opens only under the purpose it was sealed for,
    so columns that copy from each other share one.
    """

    def __init__(self, *args: Any, purpose: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.purpose = purpose

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"purpose": self.purpose}

    def get_lookup(self, lookup_name: str) -> type[Lookup] | None:
        """Only `isnull`, with keys or without, so that no query comes to depend on plain values."""
        if lookup_name != "isnull":
            raise SealedFieldNotSearchable(
                f"{self.model.__name__}.{self.name} is sealed and cannot be compared in a query ({lookup_name})."
            )
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> type[Transform] | None:  # noqa: ARG002
        """None: what is sealed cannot be transformed by the database."""
        return None

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        prepared = super().get_db_prep_save(value, connection)
        if not isinstance(prepared, str):
            return prepared
        return seal(prepared, customer_id=current_customer_id(), purpose=self.purpose, key_id=key_id_to_write_under())

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        if value is None:
            return None
        if key_id_of(value) is None:
            refuse_plain(self.purpose)
        return unseal(value, customer_id=current_customer_id(), purpose=self.purpose)
