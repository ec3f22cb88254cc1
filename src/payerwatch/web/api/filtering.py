"""Filters as declared: a value that cannot be used is an error that names the field; an unknown name is one too."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import QueryDict
from django_filters import CharFilter
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.utils import translate_validation
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.serializers import Serializer, ValidationError

from payerwatch.refusals import Refusal
from payerwatch.web.api.ids import PUBLIC_ID
from payerwatch.web.api.sparse import LIKE_A_NAME

SEEN = re.compile(r"[^\s\x00-\x1f\x7f-\xa0]")
PAGING = frozenset({"count", "cursor", "fields", "page_size"})


class UnknownParameter(Refusal):
    """The address has a parameter that is not known here.

    It is named where it looks like a name; anything else may be a value typed in its place, and is not repeated.
    """

    def __init__(self, known: Collection[str], asked: Iterable[str]) -> None:
        unknown = sorted(set(asked).difference(known))
        named = next((each for each in unknown if LIKE_A_NAME.fullmatch(each)), "")
        fix = f"There are: {', '.join(sorted(known))}." if known else "None is read here."
        super().__init__("There is no such parameter here.", where=named, fix=fix)


def refuse_unknown(known: Collection[str], asked: Collection[str]) -> None:
    """Raises UnknownParameter."""
    if not set(known).issuperset(asked):
        raise UnknownParameter(known, asked)


def refuse_empty(asked: Mapping[str, str]) -> None:
    """Nothing is not taken for everything. Raises ValidationError."""
    empty = [name for name, value in asked.items() if not SEEN.search(value)]
    if empty:
        raise ValidationError(dict.fromkeys(empty, "Give a value, or leave this out."), code="empty")


def refuse_repeated(asked: QueryDict) -> None:
    """Of several values none is taken for the one that is meant. Raises ValidationError.

    What does not look like a name is refused as unknown, and not repeated.
    """
    repeated = [name for name, values in asked.lists() if len(values) > 1 and LIKE_A_NAME.fullmatch(name)]
    if repeated:
        raise ValidationError(dict.fromkeys(repeated, "Give this once."), code="repeated")


def refuse_unless_valid(filled: Serializer) -> None:
    """Raises ValidationError."""
    if not filled.is_valid():
        refuse_unusable(filled.errors, filled.fields)


def refuse_unusable(errors: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """What a form says of its fields; of a value that is none of a few, those few. Raises ValidationError."""
    raise ValidationError({name: _told(about, fields.get(name)) for name, about in errors.items()})


def _told(about: Any, field: Any) -> Any:
    choices = getattr(field, "choices", None) or getattr(getattr(field, "child", None), "choices", None)
    if isinstance(about, Mapping):
        return {name: _told(each, field) for name, each in about.items()}
    if not isinstance(about, list) or not choices:
        return about
    there_are = ", ".join(str(value) for value in _values_of(choices) if value != "")
    none_of = ErrorDetail(f"This is none of: {there_are}.", code="none_of_these")
    return [none_of if getattr(each, "code", "") == "invalid_choice" else each for each in about]


def _values_of(choices: Any) -> Iterable[Any]:
    return choices if isinstance(choices, Mapping) else (value for value, _ in choices)


class IdFilter(CharFilter):
    """By the id of a thing: what cannot be one is refused, and one that there is not finds nothing."""

    def __init__(self, **kwargs: Any) -> None:
        validator = RegexValidator(rf"\A({PUBLIC_ID.pattern})\Z", "This is no id.", code="no_id")
        super().__init__(max_length=24, validators=[validator], **kwargs)


class StrictFilters(DjangoFilterBackend):
    """The view's `filterset_class`; what was asked for, as read, is then the view's `asked`.

    Raises UnknownParameter, and ValidationError for a value.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filters = getattr(getattr(view, "filterset_class", None), "base_filters", {})
        orders = {"order"} if view.orders else set()
        refuse_unknown(PAGING.union(filters, orders), request.query_params)
        refuse_empty({name: request.query_params[name] for name in filters if name in request.query_params})
        if not filters.keys() & request.query_params.keys():
            return queryset
        filterset = self.get_filterset(request, queryset, view)
        if not filterset.is_valid():
            refuse_unusable(translate_validation(filterset.errors).detail, filterset.form.fields)
        view.asked = filterset.form.cleaned_data
        filtered: QuerySet = filterset.qs
        return filtered
