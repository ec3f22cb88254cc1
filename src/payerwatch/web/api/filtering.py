"""Filters as declared: a value that cannot be used is an error that names the field; an unknown name is one too."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from django_filters.utils import translate_validation
from rest_framework.request import Request

from payerwatch.refusals import Refusal

PAGING = frozenset({"cursor", "page_size"})


class UnknownParameter(Refusal):
    """The address has a parameter that is not known here.

    It is not repeated: it may be a value typed in its place.
    """

    def __init__(self, known: Iterable[str]) -> None:
        super().__init__("There is no such parameter here.", fix=f"There are: {', '.join(sorted(known))}.")


class StrictFilters(DjangoFilterBackend):
    """The view's `filterset_class`; what was asked for, as read, is then the view's `asked`.

    Raises UnknownParameter, and ValidationError for a value.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        known = PAGING.union(getattr(getattr(view, "filterset_class", None), "base_filters", {}))
        if not known.issuperset(request.query_params):
            raise UnknownParameter(known)
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise translate_validation(filterset.errors)
        view.asked = filterset.form.cleaned_data
        filtered: QuerySet = filterset.qs
        return filtered
