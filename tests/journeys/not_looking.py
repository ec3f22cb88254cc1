"""A server on SQLite that does not look for what waits: each step is done by who has put it, and so in its trace.

Else each process looks once a minute, and what another process has not come to by then is done in the trace of who
looked: rightly so, and just now and then.
"""

from pathlib import Path

from django.apps import AppConfig


class NotLooking(AppConfig):
    name = "tests.journeys.not_looking"
    label = "not_looking"
    path = str(Path(__file__).parent)

    def ready(self) -> None:
        from payerwatch.web import server  # it needs the applications

        server._do_what_is_due = lambda _calendar: None  # type: ignore[assignment]
