"""Days and moments as they are asked for: ISO 8601 and nothing looser, so that no day is taken for a month."""

import re
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django_filters import rest_framework as filters
from rest_framework import serializers

from payerwatch.drift.parameters import FIRST_DAY, LAST_DAY

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:[0-5]\d)?)?", re.ASCII)
DAY_UNUSABLE = "Give a day as YYYY-MM-DD."
MONTH_UNUSABLE = f"Give a month as YYYY-MM, from {FIRST_DAY:%Y-%m} to {LAST_DAY:%Y-%m}."
MOMENT_UNUSABLE = "Give a time as YYYY-MM-DDThh:mm:ssZ or with another offset, or a day as YYYY-MM-DD."


def read_day(text: str) -> date:
    """Raises ValueError."""
    if not _DAY.fullmatch(text):
        raise ValueError("not YYYY-MM-DD")
    return date.fromisoformat(text)


def read_moment(text: str) -> datetime:
    """In UTC, which is meant too where no offset is given. Raises ValueError; OverflowError at the edge of time."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("not ISO 8601")
    read = datetime.fromisoformat(text)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


class _DayField(forms.Field):
    def to_python(self, value: Any) -> date | None:
        try:
            return read_day(value) if value else None
        except ValueError:
            raise ValidationError(DAY_UNUSABLE, code="day_unusable") from None


class _MomentField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        try:
            return read_moment(value) if value else None
        except (ValueError, OverflowError):
            raise ValidationError(MOMENT_UNUSABLE, code="moment_unusable") from None


class DayFilter(filters.DateFilter):
    field_class = _DayField


class MomentFilter(filters.IsoDateTimeFilter):
    field_class = _MomentField


class Day(serializers.DateField):
    """The same in a form."""

    def to_internal_value(self, value: Any) -> date:
        try:
            return read_day(str(value))
        except ValueError:
            raise serializers.ValidationError(DAY_UNUSABLE, code="day_unusable") from None


class JudgedDay(Day):
    """One of those that a run can be of."""

    def to_internal_value(self, value: Any) -> date:
        day = super().to_internal_value(value)
        if not FIRST_DAY <= day <= LAST_DAY:
            raise serializers.ValidationError(f"Give a day from {FIRST_DAY} to {LAST_DAY}.", code="day_outside")
        return day


class Month(serializers.CharField):
    """A month that can be reported, as its first day."""

    def to_internal_value(self, data: Any) -> date:  # type: ignore[override]
        text = super().to_internal_value(data)
        if not _MONTH.fullmatch(text) or not FIRST_DAY.year <= int(text[:4]) <= LAST_DAY.year:
            raise serializers.ValidationError(MONTH_UNUSABLE, code="month_unusable")
        return date(int(text[:4]), int(text[5:]), 1)

    def to_representation(self, value: Any) -> str:
        return f"{value:%Y-%m}"

    def run_validators(self, value: Any) -> None:
        """Those for texts are of no use for what was read from it."""


class Moment(serializers.Field):
    """The same in a form."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return read_moment(str(data))
        except (ValueError, OverflowError):
            raise serializers.ValidationError(MOMENT_UNUSABLE, code="moment_unusable") from None

    def to_representation(self, value: datetime) -> str:
        return value.isoformat()
