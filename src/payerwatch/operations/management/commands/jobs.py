"""`payerwatch jobs [--retry ID|all]`"""

import argparse
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection, transaction
from rich.markup import escape

from payerwatch.audit.actors import command_actor
from payerwatch.audit.record import Thing, record_for_installation
from payerwatch.jobs import queue
from payerwatch.jobs.queue import Parked
from payerwatch.operations.command import Answer, NoTableOfJobs, PayerwatchCommand, refuse_unless_migrated
from payerwatch.refusals import Kind, Refusal

ALL = "all"


class UnknownJob(Refusal):
    """No parked job has this number."""

    kind = Kind.MISSING

    def __init__(self, number: int) -> None:
        super().__init__(f"No job of the number {number} is parked.", fix="List them with: payerwatch jobs")


class Command(PayerwatchCommand):
    help = "How many jobs wait and run, and those that failed for good: parked until somebody lets them be tried again."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--retry", type=_number, metavar="ID|all", help="let a parked job, or all, be tried again")

    def answer(self, **options: Any) -> Answer:
        if connection.vendor != "postgresql":
            raise NoTableOfJobs
        refuse_unless_migrated()
        retried = _retried(options["retry"]) if options["retry"] else []
        counts, parked = queue.counts(), queue.parked()
        document: dict[str, Any] = counts | {"parked_jobs": [_document(each) for each in parked]}
        if options["retry"]:
            document["retried"] = retried
        return Answer(document, _text(counts, parked, retried))


@transaction.atomic
def _retried(wanted: int | str) -> list[int]:
    """Raises UnknownJob."""
    numbers = [each.number for each in queue.parked()] if wanted == ALL else [int(wanted)]
    retried = queue.retry(numbers)
    if wanted != ALL and not retried:
        raise UnknownJob(int(wanted))
    for number in retried:
        record_for_installation("retry", Thing("job", str(number)), actor=command_actor())
    return retried


def _document(job: Parked) -> dict[str, Any]:
    about = {"id": job.number, "step": job.step, "customer": job.customer, "thing": job.thing}
    return about | {"attempts": job.attempts, "parked_at": job.at}


def _text(counts: dict[str, int], parked: list[Parked], retried: list[int]) -> str:
    lines = [", ".join(f"{count} {name}" for name, count in counts.items())]
    if retried:
        lines.append(f"Tried again: {', '.join(map(str, retried))}")
    for job in parked:
        whose = f"{job.customer} {job.thing}".strip() or "of no customer"
        lines.append(f"{job.number}  {job.step}  {whose}, {job.attempts} attempts, parked {job.at:%Y-%m-%d %H:%M} UTC")
    return escape("\n".join(lines))


def _number(text: str) -> int | str:
    if text == ALL:
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise argparse.ArgumentTypeError("write the number of a parked job, or all")
    return int(text)
