"""A payer that has begun to deny half of its claims, in as few of them as show it."""

from collections.abc import Iterator
from datetime import date, timedelta

from tests.make import Row, denied, pending, row

PAYER = "Blue Shield"
LAST_DAY = date(2026, 1, 25)
"""A Sunday; nothing was submitted or decided later."""
WEEKS, WEEKLY, CHANGED = 60, 20, 8


def denied_much_more() -> Iterator[Row]:
    """In the last weeks every second claim, before that every tenth."""
    for number in range(WEEKS * WEEKLY):
        week = number // WEEKLY
        monday = LAST_DAY - timedelta(days=6, weeks=WEEKS - 1 - week)
        decided = monday + timedelta(days=8 + number % 3 * 4)
        cells = {"number": f"D{number}", "payer": PAYER, "service": f"{monday}", "submitted": f"{monday}"}
        if decided > LAST_DAY:
            yield pending(**cells)
        elif number % (2 if week >= WEEKS - CHANGED else 10) == 0:
            yield denied(**cells, decided=f"{decided}")
        else:
            yield row(**cells, decided=f"{decided}")
