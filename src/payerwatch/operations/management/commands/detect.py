"""`payerwatch detect --customer NAME [--as-of YYYY-MM-DD]`"""

from typing import Any

from django.core.management.base import CommandParser

from payerwatch import pipeline
from payerwatch.audit.actors import command_actor
from payerwatch.operations.command import Answer, PayerwatchCommand, add_customer_argument, day
from payerwatch.operations.delivery_wording import unless_a_worker_lives
from payerwatch.operations.wording import run_text, run_warnings
from payerwatch.tenancy.queries import customer_named


class Command(PayerwatchCommand):
    help = (
        "Judge one week: did a payer begin to deny more, or to decide later? The week is the last whole one "
        "not after --as-of nor after the latest date loaded, on what was known then."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_customer_argument(parser)
        parser.add_argument("--as-of", type=day, metavar="YYYY-MM-DD", help="judge as on this day (default: latest)")

    def answer(self, **options: Any) -> Answer:
        detected = pipeline.detect(customer_named(options["customer"]), options["as_of"], actor=command_actor())
        run = detected.run
        document = {
            "run": run.public_id,
            "as_of_week": run.as_of_week,
            "watermark": detected.watermark,
            "stale": detected.stale,
            "series_checked": run.series_checked,
            "tests": run.tests,
            "opened": run.opened,
            "updated": run.updated,
            "closed": run.closed,
            "not_judged": run.not_judged,
            "changed_events": run.carried_at is not None,
            "pending_known": run.pending_known,
            "data_feed_stalled": run.data_feed_stalled,
        }
        return Answer(document, run_text(detected), warnings=[*run_warnings(detected), *unless_a_worker_lives()])
