"""`reports/`: months summed up. Who starts one is answered at once and watches it until it is built; who issues it
makes it final. Its figures are counts, and show no claim."""

from http import HTTPStatus
from typing import ClassVar

from django.http import HttpResponse
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from payerwatch.members.roles import Permission
from payerwatch.reports.actions import (
    BuiltBeforeTheEnd,
    MonthNotBegun,
    MonthNotOver,
    NothingToRevise,
    ReportIssued,
    ReportNotBuilt,
    ask_for_report,
    issue_report,
)
from payerwatch.reports.documents import csv_text
from payerwatch.reports.models import Report
from payerwatch.web.api.dates import DayFilter, Month
from payerwatch.web.api.fields import PublicId, RefusalTold
from payerwatch.web.api.report_figures import ReportFigures
from payerwatch.web.api.resource import Gives, Listed, Resource, Shown


class ReportBody(serializers.ModelSerializer):
    """A report, in listings without its figures."""

    id = PublicId(source="public_id", help_text="rep_…")
    month = Month(read_only=True, help_text="YYYY-MM")
    revises = PublicId(source="revises.public_id", default=None, help_text="rep_… that this one corrects")
    refusal = RefusalTold(allow_null=True, read_only=True, help_text="why it was refused, such as nothing_to_report")

    class Meta:
        model = Report
        fields = [
            "id", "month", "revision", "revises", "state", "requested_at", "built_at", "issued_at", "issued_by",
            "data_version", "digest", "refusal",
        ]  # fmt: skip
        read_only_fields = fields


class ReportWithFigures(ReportBody):
    """A report with all that it says; null until it is built."""

    figures = ReportFigures(read_only=True, allow_null=True, help_text="what the month has shown")

    class Meta(ReportBody.Meta):
        fields = [*ReportBody.Meta.fields, "figures"]
        read_only_fields = fields


class ReportOrder(serializers.Serializer):
    month = Month(help_text="YYYY-MM, such as 2026-10")
    revise = serializers.BooleanField(
        default=False, help_text="whether to correct what is issued, by another report that names it"
    )


class ReportFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=Report.State.choices, help_text="Reports that are in this state now.")
    month_from = DayFilter(
        field_name="month", lookup_expr="gte", help_text="Reports of months that begin on this day or later."
    )
    month_to = DayFilter(
        field_name="month", lookup_expr="lte", help_text="Reports of months that begin on this day or earlier."
    )


class Reports(Listed, Shown, Resource):
    """Reports of months, newest first."""

    thing = "report"
    verbs: ClassVar = {"create": "request"}
    may: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "csv"), Permission.READ_EVENTS),
        **dict.fromkeys(("create", "issue"), Permission.TRIAGE_EVENTS),
    }
    takes: ClassVar = {"create": ReportOrder}
    gives: ClassVar = {
        "retrieve": Gives(ReportWithFigures),
        "create": Gives(ReportBody, HTTPStatus.ACCEPTED),
        "issue": Gives(ReportWithFigures),
        "csv": Gives(media=("text/csv",)),
    }
    refuses: ClassVar = {
        "create": [MonthNotBegun, ReportIssued, NothingToRevise],
        "issue": [ReportIssued, ReportNotBuilt, MonthNotOver, BuiltBeforeTheEnd],
        "csv": [ReportNotBuilt],
    }
    queryset = Report.objects.select_related("revises").defer("revises__document")
    order = ("-pk",)
    serializer_class: type[serializers.BaseSerializer] = ReportBody
    filterset_class = ReportFilter

    def retrieve(self, request: Request, public_id: str) -> Response:
        """A report with its figures."""
        self.serializer_class = ReportWithFigures
        return super().retrieve(request, public_id)

    def create(self, request: Request) -> Response:
        """Start the report of a month: the answer is the report to watch, at the address in `Location`.

        Until it is issued, the same report is built again from what is loaded by then.
        """
        report = ask_for_report(**self.body(), actor=self.caller.actor)
        answer = self.answer(report)
        answer["Location"] = f"{request.path}{report.public_id}/"
        return answer

    def issue(self, request: Request, public_id: str) -> Response:
        """Make it final. Endpoints that subscribe are told, and nothing changes it any more."""
        return self.answer(issue_report(self.get_object(), actor=self.caller.actor))

    def csv(self, request: Request, public_id: str) -> HttpResponse:
        """Its figures as a file for spreadsheets, one a line."""
        report = self.get_object()
        if not report.document:
            raise ReportNotBuilt
        name = f"report-{report.month:%Y-%m}-{report.revision}-{report.public_id}.csv"
        return HttpResponse(
            csv_text(report),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
