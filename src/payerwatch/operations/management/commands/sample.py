"""`payerwatch sample DIR --seed N --weeks N --claims-per-week N [--until DATE] [--drift …]`"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape

from payerwatch.operations.command import Answer, PayerwatchCommand, day
from payerwatch.operations.sample import draw_practice, write_sample
from payerwatch.refusals import Refusal


class SampleInFuture(Refusal):
    """Loading sets aside what is dated later than today, so a sample does not reach there."""


def last_day(asked: date | None) -> date:
    """The last day of a sample: as asked, else the latest Sunday before today. Raises SampleInFuture."""
    today = date.today()
    if asked is None:
        return today - timedelta(days=today.weekday() + 1)
    if asked > today:
        raise SampleInFuture(
            "A sample cannot end later than today", where="--until", fix="Choose a day that has passed."
        )
    return asked


class Command(PayerwatchCommand):
    help = "Draw a believable practice's export, with drift put in and the truth written beside it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("directory", metavar="DIR", type=Path, help="where claims.csv and truth.json go")
        parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same practice")
        parser.add_argument("--weeks", type=int, default=60, help="weeks of history (default 60)")
        parser.add_argument("--claims-per-week", type=int, default=800, help="of the whole practice (default 800)")
        parser.add_argument("--until", type=day, default=None, help="last day of the export (default: last Sunday)")
        parser.add_argument("--drift", choices=["none", "denial", "delay", "both"], default="both")

    def answer(self, **options: Any) -> Answer:
        practice = draw_practice(
            seed=options["seed"],
            weeks=options["weeks"],
            claims_per_week=options["claims_per_week"],
            until=last_day(options["until"]),
            drift=options["drift"],
        )
        files = write_sample(options["directory"], practice)
        document = {"claims": str(files.claims), "truth": str(files.truth), "rows": files.rows}
        claims, truth = escape(str(files.claims)), escape(str(files.truth))
        text = f"Wrote {files.rows:,} rows to {claims}, and what was put in to {truth}."
        return Answer(document, text)
