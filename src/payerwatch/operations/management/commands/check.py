"""`payerwatch check --deploy`: Django's check, with what an operator of Payerwatch must have set."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import check

from payerwatch.operations.deploy_checks import deploy_checks
from payerwatch.refusals import SettingsUnusable, states_usage_errors

LEVELS = {
    checks.CRITICAL: "critical",
    checks.ERROR: "error",
    checks.WARNING: "warning",
    checks.INFO: "info",
    checks.DEBUG: "debug",
}


class Command(check.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="answer with one JSON document on stdout")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if parser.called_from_command_line:
            states_usage_errors(parser)
        return parser

    def handle(self, *app_labels: Any, **options: Any) -> None:
        register(deploy_checks, Tags.security, deploy=True)
        self._as_json = options["json"]
        try:
            super().handle(*app_labels, **options)
        except (ImproperlyConfigured, CommandError, LookupError) as error:
            if not self._as_json:
                raise
            self.stdout.write(json.dumps(SettingsUnusable(str(error)).document(), indent=2))
            sys.exit(1)

    def check(
        self,
        app_configs: Sequence[AppConfig] | None = None,
        tags: Sequence[str] | None = None,
        display_num_errors: bool = False,
        include_deployment_checks: bool = False,
        fail_level: int = checks.ERROR,
        databases: Sequence[str] | None = None,
    ) -> None:
        """As Django's; with `--json` one document of the findings, and exit code 1 for one of the level or above."""
        if not self._as_json:
            super().check(app_configs, tags, display_num_errors, include_deployment_checks, fail_level, databases)
            return
        messages = checks.run_checks(app_configs, tags, include_deployment_checks, databases)
        found = [message for message in messages if not message.is_silenced()]
        found.sort(key=lambda message: (-message.level, message.id or ""))
        self.stdout.write(json.dumps({"findings": [_told(message) for message in found]}, indent=2))
        if any(message.is_serious(fail_level) for message in found):
            sys.exit(1)


def _told(message: CheckMessage) -> dict[str, str]:
    return {
        "id": message.id or "",
        "level": LEVELS.get(message.level, str(message.level)),
        "message": message.msg,
        "fix": message.hint or "",
    }
