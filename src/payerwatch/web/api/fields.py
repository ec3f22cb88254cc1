"""How values of our own are written in answers."""

from typing import Any

from rest_framework import serializers


class Dollars(serializers.Field):
    """Whole US cents as dollars."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)

    def to_representation(self, cents: int) -> float:
        return cents / 100


class PublicId(serializers.CharField):
    """The public id of the thing or, with `source`, of one beside it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)
