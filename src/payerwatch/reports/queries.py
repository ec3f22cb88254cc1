"""Reads of reports that others need."""

from datetime import date

from django.db.models import QuerySet

from payerwatch.reports.models import Report


def newest_report(month: date) -> Report | None:
    """The report of the month, or its last revision."""
    return Report.objects.select_related("revises").filter(month=month).order_by("revision").last()


def unfinished_reports() -> QuerySet[Report]:
    """The reports that are yet to be built, the first first."""
    return Report.objects.filter(state__in=(Report.State.REQUESTED, Report.State.BUILDING)).order_by("pk")
