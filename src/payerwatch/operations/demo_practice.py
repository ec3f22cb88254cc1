"""The files of the invented practice that `payerwatch demo` shows."""

import hashlib
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from payerwatch.operations.sample import SampleFiles, draw_practice, write_sample

SEED, WEEKS, CLAIMS_PER_WEEK = 7, 64, 1_000
_QUIET_DAYS = 7
"""At most so long before the practice's last day is the last date in its export."""


def draw_demo(directory: Path, until: date) -> SampleFiles:
    """Draw the practice's history up to this day: the same day gives the same bytes."""
    practice = draw_practice(seed=SEED, weeks=WEEKS, claims_per_week=CLAIMS_PER_WEEK, until=until, drift="both")
    return write_sample(directory, practice)


def truth_in(directory: Path) -> dict[str, Any] | None:
    """What was put into the practice drawn there; None where that is not to be read."""
    try:
        truth: dict[str, Any] = json.loads((directory / "truth.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return truth


def restore_demo(directory: Path, digest: str, last_date: date | None) -> None:
    """Draw the files anew if one is gone: those that were loaded, known by their digest (SHA-256) and last date.

    Where none has that digest, such as after the way of drawing changed, no files are left to mislead.
    """
    claims, truth = directory / "claims.csv", directory / "truth.json"
    if last_date is None or (claims.exists() and truth_in(directory) is not None):
        return
    for days in range(_QUIET_DAYS + 1):
        files = draw_demo(directory, last_date + timedelta(days=days))
        if hashlib.sha256(files.claims.read_bytes()).hexdigest() == digest:
            return
    claims.unlink()
    truth.unlink()
