"""The table of reports."""

import json
from typing import Any

from django.db import models
from django.utils import timezone

from payerwatch.tenancy.identifiers import new_public_id
from payerwatch.tenancy.models import TenantForeignKey, TenantModel


def new_report_id() -> str:
    return new_public_id("rep")


class Report(TenantModel):
    """What a month has shown. Until it is issued it can be built again; once it is, nothing changes it any more.

    What has to be corrected after that is a revision: another report of the month, which names the one before.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        BUILDING = "building"
        BUILT = "built"
        REFUSED = "refused"
        ISSUED = "issued"

    public_id = models.CharField(max_length=24, default=new_report_id, editable=False)
    month = models.DateField(help_text="its first day")
    revision = models.SmallIntegerField(default=1, help_text="more than 1 where it corrects one before")
    revises = TenantForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.REQUESTED)
    document = models.TextField(blank=True, help_text="its figures as JSON, amounts in cents; see reports.building")
    data_version = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the run-off cells the figures were made from"
    )
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the document, once issued")
    refusal = models.JSONField(null=True, help_text="why it was refused: code, message, where, fix")
    requested_at = models.DateTimeField(default=timezone.now, help_text="when it was last asked for")
    built_at = models.DateTimeField(null=True, help_text="when its figures were made, or refused")
    issued_at = models.DateTimeField(null=True, help_text="when it was made final")
    issued_by = models.CharField(max_length=24, blank=True, help_text="the public id of the person or key")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["customer", "month", "revision"], name="reports_report_once"),
            models.UniqueConstraint(fields=["customer", "public_id"], name="reports_report_public_id_unique"),
        ]
        indexes = [models.Index(fields=["customer", "state"], name="reports_report_state")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def figures(self) -> dict[str, Any]:
        """What it says; nothing until it is built."""
        said: dict[str, Any] = json.loads(self.document) if self.document else {}
        return said
