"""`payerwatch check --deploy`: Django's check, with what an operator of Payerwatch must have set."""

from typing import Any

from django.core.checks import Tags, register
from django.core.management.commands import check

from payerwatch.operations.deploy_checks import deploy_checks


class Command(check.Command):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        register(deploy_checks, Tags.security, deploy=True)
        super().handle(*app_labels, **options)
