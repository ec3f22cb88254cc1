"""Filters as declared: a value that cannot be used is an error that names the field; an unknown name is one too."""

from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PAGING = {"cursor", "page_size"}


class StrictFilters(DjangoFilterBackend):
    """The view's `filterset_class`. Raises ValidationError for a parameter that it does not know."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        known = set(getattr(getattr(view, "filterset_class", None), "base_filters", {}))
        if not set(request.query_params) <= known | PAGING:  # the name may be a value that was typed in its place
            raise ValidationError(f"There is no such filter; there are: {', '.join(sorted(known | PAGING))}.")
        filtered: QuerySet = super().filter_queryset(request, queryset, view)
        return filtered
