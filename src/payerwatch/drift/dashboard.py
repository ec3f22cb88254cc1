"""The first look in the morning: what the run in force kept of how things stood, and what happened since."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payerwatch.claims.queries import RECENT_DAYS, UploadsSoFar, uploads_so_far, uploads_so_far_told
from payerwatch.drift.models import DriftRun
from payerwatch.drift.parameters import STALE_AFTER
from payerwatch.drift.queries import runs_in_force


@dataclass(frozen=True)
class Dashboard:
    """One query, whatever is loaded: the run with its kept summary, and beside it the uploads counted."""

    now: datetime
    run: DriftRun | None
    """None where no run is in force, or the one that is was made before summaries were kept."""
    uploads: UploadsSoFar

    @property
    def summary(self) -> dict[str, Any] | None:
        return self.run.summary if self.run is not None else None

    @property
    def loaded_until(self) -> Any:
        return self.uploads.last_date

    @property
    def stale(self) -> bool | None:
        last = self.uploads.last_date
        return None if last is None else self.now.date() - last > STALE_AFTER

    @property
    def since(self) -> dict[str, Any] | None:
        """What was changed after the summary was made; it does not speak of that."""
        if self.run is None or self.summary is None:
            return None
        then = self.summary["uploads"]
        return {
            "uploads_loaded": self.uploads.loaded - then["loaded"],
            "uploads_undone": self.uploads.undone - then["undone"],
            "mappings_changed": self.run.remapped_at is not None,
        }

    @property
    def recent_uploads(self) -> dict[str, int]:
        uploads = self.uploads
        counts = {"uploads": uploads.recent, "rows": uploads.recent_rows, "set_aside": uploads.recent_set_aside}
        return {"days": RECENT_DAYS, **counts}


def dashboard(now: datetime) -> Dashboard:
    run = runs_in_force().annotate(uploads_now=uploads_so_far_told(now)).last()
    told = run.uploads_now if run is not None else None
    uploads = UploadsSoFar.read(told) if told is not None else uploads_so_far(now)
    return Dashboard(now, run if run is not None and run.summary is not None else None, uploads)
