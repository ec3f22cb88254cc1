"""How values of our own are written in answers, and in requests."""

import json
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from payerwatch.claims.formats.header_words import FIELDS

LONGEST_COLUMN, LONGEST_MAPPING = 200, 10_000
MOST_DOLLARS = 100_000_000_000


class Dollars(serializers.Field):
    """Whole US cents as dollars."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"read_only": True, "allow_null": True, **kwargs})

    def to_representation(self, cents: int) -> float:
        return cents / 100


class DollarsGiven(serializers.FloatField):
    """Dollars, to the cent, as whole cents."""

    default_error_messages = {"not_dollars": "Give a number of dollars."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"min_value": 0, "max_value": MOST_DOLLARS, **kwargs})

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is not serializers.empty and data is not None and type(data) not in (int, float):
            self.fail("not_dollars")
        dollars = super().run_validation(data)
        return round(dollars * 100) if isinstance(dollars, float) else dollars


class OneOrNone(serializers.ChoiceField):
    """One of a few words, or nothing, as it is told."""

    def __init__(self, choices: Iterable[Any], **kwargs: Any) -> None:
        super().__init__([*choices, ("", "")], read_only=True, **kwargs)


class PublicId(serializers.CharField):
    """The public id of the thing or, with `source`, of one beside it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)


class RefusalTold(serializers.Serializer):
    """Why something was refused after its answer, as the row keeps it."""

    code = serializers.CharField(read_only=True, help_text="for programs: one of the codes of the documentation")
    message = serializers.CharField(read_only=True, help_text="for people: what is wrong")
    where = serializers.CharField(read_only=True, help_text="such as a column; empty where there is no place")
    fix = serializers.CharField(read_only=True, help_text="what to do about it")


class ColumnMapping(serializers.CharField):
    """JSON text: an object of our field and the file's column, or null for a field to be left out."""

    default_error_messages = {
        "no_object": 'Write an object of field and column, such as {{"payer": "Ins Co"}}.',
        "no_field": f"A name before a colon is no field. Fields: {', '.join(FIELDS)}.",
        "no_column": f"A column is named by 1 to {LONGEST_COLUMN} printable characters, or is null.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str | None]:  # type: ignore[override]
        """The mapping. Raises ValidationError, which repeats nothing of what was sent."""
        text = super().to_internal_value(data)
        mapping = _document(text) if len(text) <= LONGEST_MAPPING else None
        if not isinstance(mapping, dict):
            self.fail("no_object")
        if not set(mapping) <= set(FIELDS):
            self.fail("no_field")
        if not all(column is None or _can_be_a_column(column) for column in mapping.values()):
            self.fail("no_column")
        return mapping

    def run_validators(self, value: Any) -> None:
        """Those for texts are of no use for what was read from it."""


def _document(text: str) -> Any:
    """What JSON text says; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _can_be_a_column(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_COLUMN and name.isprintable()
