"""`payerwatch demo`: the whole journey on an invented practice, ending with findings."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.claims.queries import loaded_uploads, watermark
from payerwatch.drift.cells import last_whole_week
from payerwatch.drift.explaining import explain_event
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import events
from payerwatch.operations.charting import event_chart
from payerwatch.operations.command import Answer, PayerwatchCommand, day
from payerwatch.operations.management.commands.sample import last_sunday
from payerwatch.operations.progress import shown_progress
from payerwatch.operations.sample import SampleFiles, draw_practice, write_sample
from payerwatch.operations.wording import event_document, events_text
from payerwatch.tenancy.actions import add_customer
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

CUSTOMER = "Demo practice"
SEED, WEEKS, CLAIMS_PER_WEEK, WEEKS_JUDGED = 7, 64, 1_000, 20


class Command(PayerwatchCommand):
    help = "Show the whole journey: an invented practice is drawn, loaded and judged week by week."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--until", type=day, default=None, help="last day (default: last Sunday)")

    def answer(self, **options: Any) -> Answer:
        call_command("migrate", verbosity=0)
        customer = Customer.objects.filter(name=CUSTOMER).first() or add_customer(CUSTOMER)
        directory = Path(settings.DATA_DIR) / "demo"
        _load_once(customer, directory, options["until"] or last_sunday())
        _judge_weeks(customer)
        with acting_in(customer, reading=True):
            found = list(events())
            document = {
                "customer": CUSTOMER,
                "directory": str(directory),
                "events": [event_document(event) for event in found],
            }
            return Answer(document, self._text(found, directory))

    def _text(self, found: list[DriftEvent], directory: Path) -> str:
        console = self.console()
        lines = ["", "[bold]What Payerwatch found[/bold]", events_text(found), ""]
        if found:
            lines += [event_chart(explain_event(found[0], claims=0), console), ""]
        truth = json.loads((directory / "truth.json").read_text(encoding="utf-8"))
        lines += ["[bold]What was put into this invented practice[/bold]", *map(_put_in, truth["drifts"]), ""]
        first = found[0].public_id if found else "EVENT"
        lines += [
            "[bold]Try next[/bold]",
            f"  payerwatch explain {first} --customer {CUSTOMER!r}",
            f"  payerwatch events --watch --customer {CUSTOMER!r}",
            f"  payerwatch series --customer {CUSTOMER!r}",
            "  payerwatch add_customer 'Our practice'",
            "  payerwatch load EXPORT.csv --customer 'Our practice'",
        ]
        return "\n".join(lines)


def _load_once(customer: Customer, directory: Path, until: date) -> None:
    """Draw and load the practice, unless an earlier demo did."""
    with acting_in(customer, reading=True):
        if loaded_uploads().exists():
            return
    files = _draw(directory, until)
    with shown_progress() as progress:
        pipeline.load(customer, pipeline.LoadOrder(path=files.claims), progress=progress, today=date.today())


def _draw(directory: Path, until: date) -> SampleFiles:
    practice = draw_practice(seed=SEED, weeks=WEEKS, claims_per_week=CLAIMS_PER_WEEK, until=until, drift="both")
    return write_sample(directory, practice)


def _judge_weeks(customer: Customer) -> None:
    with acting_in(customer, reading=True):
        loaded_until = watermark()
    if loaded_until is None:
        return
    last = last_whole_week(loaded_until)
    with shown_progress() as progress:
        for number in range(WEEKS_JUDGED):
            week = last - timedelta(weeks=WEEKS_JUDGED - 1 - number)
            pipeline.detect(customer, week + timedelta(days=6))
            progress("judge", number + 1, WEEKS_JUDGED)


def _put_in(drift: dict[str, Any]) -> str:
    group = drift["cpt_group"] or "all groups"
    size = f"{drift['size']:+.0%} points" if drift["measure"] == "denial_rate" else f"{drift['size']:+g} days"
    size = size.replace("% points", " points")
    return f"  {escape(drift['payer'])}, {group}: {drift['measure']} {size} from the week of {drift['change_week']}"
