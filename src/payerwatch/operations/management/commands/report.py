"""`payerwatch report --customer NAME --month YYYY-MM [--revise] [--issue] [--csv FILE]`"""

import re
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import CommandParser

from payerwatch import pipeline
from payerwatch.audit.actors import Actor, command_actor
from payerwatch.drift.parameters import FIRST_DAY, LAST_DAY
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument
from payerwatch.operations.report_wording import report_text, report_warnings
from payerwatch.refusals import Refusal
from payerwatch.reports.documents import csv_text, report_document
from payerwatch.reports.models import Report
from payerwatch.reports.queries import newest_report
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.tenancy.queries import customer_named


class ReportNotWritable(Refusal):
    """The file for the report cannot be written there, or is there already."""


class Command(PayerwatchCommand):
    help = (
        "Sum up a month: the weeks whose Monday lies in it. A report that is issued is shown as it was issued; any "
        "other is built anew from what is loaded now."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--month", type=month, required=True, metavar="YYYY-MM", help="such as 2026-10")
        parser.add_argument("--revise", action="store_true", help="correct what is issued, by a report beside it")
        parser.add_argument("--issue", action="store_true", help="make it final: nothing changes it any more")
        parser.add_argument("--csv", type=Path, metavar="FILE", help="write the figures to a new file as well")

    def answer(self, **options: Any) -> Answer:
        customer, actor = customer_named(options["customer"]), command_actor()
        with _new_file(options["csv"]) as target:
            report = _report(customer, options, actor)
            if options["issue"]:
                report = pipeline.issue_report(customer, report, actor=actor)
            if target is not None:
                _write(target, csv_text(report), options["csv"])
        document = report_document(report)
        return Answer(document, report_text(report, document["figures"]), report_warnings(document["figures"]))


def month(text: str) -> date:
    """Its first day. Raises ArgumentTypeError, which is a usage error."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text, re.ASCII):
        raise ArgumentTypeError("write the month as YYYY-MM, such as 2026-10")
    year, number = map(int, text.split("-"))
    if not FIRST_DAY.year <= year <= LAST_DAY.year:
        raise ArgumentTypeError(f"the month must be from {FIRST_DAY:%Y-%m} to {LAST_DAY:%Y-%m}")
    return date(year, number, 1)


def _report(customer: Customer, options: dict[str, Any], actor: Actor) -> Report:
    """What is issued already, where nothing is to be done to it; else the month built anew."""
    with acting_in(customer, reading=True):
        last = newest_report(options["month"])
    if last is not None and last.state == Report.State.ISSUED and not options["revise"]:
        return last
    return pipeline.report(customer, options["month"], revise=options["revise"], actor=actor)


@contextmanager
def _new_file(path: Path | None) -> Iterator[TextIO | None]:
    """The file to write to, made before anything is issued and taken away where that is refused; one that is there is
    never overwritten. Raises ReportNotWritable.
    """
    if path is None:
        yield None
        return
    try:
        target = path.open("x", encoding="utf-8", newline="")
    except (OSError, ValueError) as error:
        raise _not_writable(path, error) from None
    try:
        with target:
            yield target
    except Refusal:
        path.unlink()
        raise


def _write(target: TextIO, text: str, path: Path) -> None:
    """Raises ReportNotWritable."""
    try:
        target.write(text)
        target.flush()
    except OSError as error:
        raise _not_writable(path, error) from None


def _not_writable(path: Path, error: OSError | ValueError) -> ReportNotWritable:
    why = getattr(error, "strerror", None) or "the path is not one"
    return ReportNotWritable(
        f"{path} cannot be written: {why}", where="--csv", fix="Name a new file on a disk with room."
    )
