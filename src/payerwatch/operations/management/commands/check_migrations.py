"""`payerwatch check_migrations`"""

from typing import Any

from django.db import connection
from rich.markup import escape

from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.refusals import Kind, Refusal
from payerwatch.schema_changes.forecast import Step, forecast

ON_SQLITE = "With SQLite nothing runs beside it: stop the server, migrate, start it again."


class KeepsOthersOut(Refusal):
    """A migration would keep everybody out of a table that has many rows, and is refused when it comes to it."""

    kind = Kind.CONFLICT

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        named = "; ".join(f"{step.migration}: {step.what} ({step.table}, {step.rows:,} rows)" for step in steps)
        super().__init__(
            f"Would keep others out: {named}", fix="Write it with an operation of payerwatch.schema_changes."
        )


class Command(PayerwatchCommand):
    help = "What the migrations of this release will lock, and for how long, before they are applied."

    def answer(self, **_options: Any) -> Answer:
        if connection.vendor != "postgresql":
            return Answer({"steps": [], "on_sqlite": ON_SQLITE}, ON_SQLITE)
        steps = forecast(connection)
        refused = [step for step in steps if step.refused]
        if refused:
            raise KeepsOthersOut(refused)
        document = {"steps": [step._asdict() for step in steps], "longest_lock_wanted": _strongest(steps)}
        return Answer(document, escape(_text(steps)))


def _strongest(steps: list[Step]) -> str:
    locks = [step.lock for step in steps if step.lock]
    return max(locks, key=lambda lock: lock == "ACCESS EXCLUSIVE", default="")


def _text(steps: list[Step]) -> str:
    if not steps:
        return "Every migration is applied."
    lines = []
    for phase, title in ((False, "Before this release is started"), (True, "When no older release runs any more")):
        of_phase = [step for step in steps if step.after is phase]
        if of_phase:
            lines += [title, *(f"  {_line(step)}" for step in of_phase)]
    lines.append(
        "A lock is taken in an instant in which nobody uses the table; nobody waits behind it (docs/operating.md)."
    )
    return "\n".join(lines)


def _line(step: Step) -> str:
    if not step.table:
        return f"{step.migration}: {step.what}. Touches no table that is there."
    lock = f"{step.lock} for an instant" if step.lock else "no lock that stops reading or writing"
    rows = (
        f", goes through {step.rows:,} rows in about {max(step.seconds, 1):.0f} s beside them" if step.seconds else ""
    )
    return f"{step.migration}: {step.what}. {step.table}: {lock}{rows}."
