"""`payerwatch work [--threads N] [--senders N]`"""

import argparse
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connection

from payerwatch.config.logging import log_what_nobody_catches
from payerwatch.jobs.steps import SENDING, WORK
from payerwatch.jobs.worker import Times, Worker
from payerwatch.operations.command import Answer, NoTableOfJobs, PayerwatchCommand, refuse_unless_migrated
from payerwatch.schedule import PERIODIC
from payerwatch.tenancy.connections import limit_time, share_connections

THREADS, SENDERS = 4, 8

logger = logging.getLogger(__name__)


class Command(PayerwatchCommand):
    help = "Do what waits: load files that were sent, judge, and what is due by the clock. Any number may run."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--threads", type=_some, default=THREADS, help=f"jobs at a time, default {THREADS}")
        parser.add_argument(
            "--senders", type=_some, default=SENDERS, help=f"receivers sent to at a time beside them, default {SENDERS}"
        )
        parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)  # the process with which it ends
        for each in fields(Times):
            parser.add_argument(f"--{each.name}-seconds", type=float, default=each.default, help=argparse.SUPPRESS)

    def answer(self, **options: Any) -> Answer:
        if connection.vendor != "postgresql":
            raise NoTableOfJobs
        refuse_unless_migrated()
        connection.close()
        log_what_nobody_catches()
        limit_time(settings.WORK_LIMITS)
        share_connections(options["threads"] + options["senders"] + 1)  # the one: for notes of how far a load is
        times = Times(**{each.name: options[f"{each.name}_seconds"] for each in fields(Times)})
        threads = {WORK: options["threads"], SENDING: options["senders"]}
        worker = Worker(threads, PERIODIC, times=times, lives_on=_lives_on(options["parent"]))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: worker.stop())
        logger.info("A worker takes jobs, %(threads)d at a time, and sends to %(senders)d receivers.", options)
        if not worker.run():
            logger.warning("The worker ends without having finished its jobs: others take them up.")
            os._exit(0)  # whatever its threads hold, the database lets go of at once
        return Answer({"worked": True}, "The worker has ended.")


def _lives_on(parent: int | None) -> Callable[[], bool]:
    return lambda: parent is None or os.getppid() == parent


def _some(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 64:
        raise argparse.ArgumentTypeError("choose from 1 to 64")
    return number
