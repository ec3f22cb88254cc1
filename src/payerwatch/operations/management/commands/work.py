"""`payerwatch work [--threads N] [--senders N]`"""

import argparse
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import connection

from payerwatch.config.logging import log_what_nobody_catches
from payerwatch.health.exposing import tell_metrics_at
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
        parser.add_argument(
            "--alive-file", type=Path, help="touched every three seconds while it lives, for whoever supervises it"
        )
        parser.add_argument(
            "--metrics",
            metavar="ADDRESS:PORT",
            type=_address,
            help="where its metrics are told, such as 127.0.0.1:9464",
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
        worker = Worker(
            threads,
            PERIODIC,
            times=times,
            lives_on=_lives_on(options["parent"]),
            on_beat=_touching(options["alive_file"]),
        )
        if options["metrics"] is not None:
            tell_metrics_at(*options["metrics"])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: worker.stop())
        logger.info("A worker takes jobs, %(threads)d at a time, and sends to %(senders)d receivers.", options)
        if not worker.run():
            logger.warning("The worker ends without having finished its jobs: others take them up.")
            os._exit(0)  # whatever its threads hold, the database lets go of at once
        return Answer({"worked": True}, "The worker has ended.")


def _lives_on(parent: int | None) -> Callable[[], bool]:
    return lambda: parent is None or os.getppid() == parent


def _touching(file: Path | None) -> Callable[[], None]:
    return file.touch if file is not None else lambda: None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError("write an address and a port, such as 127.0.0.1:9464")
    return host, int(port)


def _some(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 64:
        raise argparse.ArgumentTypeError("choose from 1 to 64")
    return number
