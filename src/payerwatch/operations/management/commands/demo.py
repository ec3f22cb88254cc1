"""`payerwatch demo`: the whole journey on an invented practice, ending with findings."""

import shlex
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch import pipeline
from payerwatch.alerts.models import Rule
from payerwatch.alerts.replay import replay_rule
from payerwatch.alerts.rules import add_rule, rule_sentence, rules
from payerwatch.audit.actors import command_actor
from payerwatch.claims.models import Upload
from payerwatch.claims.queries import loaded_uploads, watermark
from payerwatch.drift.cells import last_whole_week
from payerwatch.drift.documents import event_document
from payerwatch.drift.explaining import explain_event
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import events
from payerwatch.operations.charting import event_chart
from payerwatch.operations.command import Answer, PayerwatchCommand, day, program
from payerwatch.operations.demo_practice import draw_demo, restore_demo, truth_in
from payerwatch.operations.management.commands.sample import last_day
from payerwatch.operations.progress import shown_progress
from payerwatch.operations.wording import events_text
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

CUSTOMER = "Demo practice"
WEEKS_JUDGED = 20
GROUPS_SHOWN = 2


class Command(PayerwatchCommand):
    help = "Show the whole journey: an invented practice is drawn, loaded and judged week by week."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--until", type=day, default=None, help="last day (default: last Sunday)")

    def answer(self, **options: Any) -> Answer:
        call_command("migrate", verbosity=0)
        customer = Customer.objects.filter(name=CUSTOMER).first() or pipeline.add_customer(
            CUSTOMER, actor=command_actor()
        )
        directory = Path(settings.DATA_DIR) / "demo"
        notes = _load_once(customer, directory, options["until"])
        _judge_weeks(customer)
        rule = _rule_of(customer)
        with acting_in(customer, reading=True):
            found = list(events())
            told = {"id": rule.public_id, "sentence": rule_sentence(rule), "replay": replay_rule(rule).sentence}
            document = {
                "customer": CUSTOMER,
                "directory": str(directory),
                "until": watermark(),
                "events": [event_document(event) for event in found],
                "rule": told,
                "notes": notes,
            }
            return Answer(document, self._text(found, directory, told), warnings=[escape(note) for note in notes])

    def _text(self, found: list[DriftEvent], directory: Path, rule: dict[str, str]) -> str:
        lines = ["", "[bold]What Payerwatch found[/bold]", events_text(found, groups=GROUPS_SHOWN), ""]
        if found:
            lines += [event_chart(explain_event(found[0], claims=0), self.console()), ""]
        lines += ["[bold]Who would be told[/bold]", f"  {escape(rule['sentence'])}", f"  {rule['replay']}", ""]
        truth = truth_in(directory)
        if truth is not None:
            put_in = map(_put_in, truth["drifts"])
            lines += ["[bold]What was put into this invented practice[/bold]", *put_in, ""]
        return "\n".join([*lines, *_try_next(found[0].public_id if found else "EVENT")])


def _try_next(event: str) -> list[str]:
    payerwatch, customer = escape(program()), shlex.join(["--customer", CUSTOMER])
    return [
        "[bold]Try next[/bold]",
        f"  {payerwatch} explain {event} {customer}",
        f"  {payerwatch} events --watch {customer}",
        f"  {payerwatch} series {customer}",
        f"  {payerwatch} triage {event} acknowledge {customer}",
        f"  {payerwatch} rules --replay {customer}",
        f"  {payerwatch} add_customer 'Our practice'",
        f"  {payerwatch} load EXPORT.csv --customer 'Our practice'",
    ]


def _load_once(customer: Customer, directory: Path, until: date | None) -> list[str]:
    """Draw and load the practice, unless an earlier demo did; what is to be said of that."""
    with acting_in(customer, reading=True):
        earlier = loaded_uploads().first()
    if earlier is not None:
        restore_demo(directory, earlier.digest, earlier.last_date)
        return _loaded_already(earlier, truth_in(directory), until)
    files = draw_demo(directory, last_day(until))
    order = pipeline.LoadOrder(path=files.claims)
    with shown_progress() as progress:
        pipeline.load(customer, order, actor=command_actor(), progress=progress, today=date.today())
    return []


def _loaded_already(upload: Upload, truth: dict[str, Any] | None, until: date | None) -> list[str]:
    loaded_until = truth["until"] if truth else f"{upload.last_date}"
    note = f"The demo practice is loaded already, up to {loaded_until}."
    if until is None or until.isoformat() == loaded_until:
        return [note]
    undo = shlex.join(["undo", upload.public_id, "--customer", CUSTOMER])
    return [f"{note} --until {until} was not used. To draw it anew, first: {program()} {undo}"]


def _judge_weeks(customer: Customer) -> None:
    with acting_in(customer, reading=True):
        loaded_until = watermark()
    if loaded_until is None:
        return
    last = last_whole_week(loaded_until)
    with shown_progress() as progress:
        for number in range(WEEKS_JUDGED):
            week = last - timedelta(weeks=WEEKS_JUDGED - 1 - number)
            pipeline.detect(customer, week + timedelta(days=6), actor=command_actor())
            progress("judge", number + 1, WEEKS_JUDGED)


def _rule_of(customer: Customer) -> Rule:
    """The demo's one rule, added by its first run."""
    with acting_in(customer):
        return rules().first() or add_rule({"name": "What is likely"}, actor=command_actor())


def _put_in(drift: dict[str, Any]) -> str:
    group = drift["cpt_group"] or "all groups"
    size = f"{drift['size']:+.0%} points" if drift["measure"] == "denial_rate" else f"{drift['size']:+g} days"
    size = size.replace("% points", " points")
    return f"  {escape(drift['payer'])}, {group}: {drift['measure']} {size} from the week of {drift['change_week']}"
