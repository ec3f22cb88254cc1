"""A sample practice as files: the export of a practice-management system, and the truth beside it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from payerwatch.operations.practice.drawing import Practice, draw_practice
from payerwatch.operations.practice.export import export_frames
from payerwatch.operations.practice.shape import Drift, DriftKind, PracticeShape
from payerwatch.refusals import Refusal

__all__ = [
    "Drift",
    "DriftKind",
    "Practice",
    "PracticeShape",
    "SampleFiles",
    "SampleNotWritten",
    "draw_practice",
    "write_sample",
]


class SampleNotWritten(Refusal):
    """The sample cannot be written where it was asked for."""


@dataclass(frozen=True)
class SampleFiles:
    """Where a sample was written and how many claims it holds."""

    claims: Path
    truth: Path
    rows: int


def write_sample(directory: Path, practice: Practice) -> SampleFiles:
    """Write `claims.csv` and `truth.json` into `directory`, making it and replacing what they held.

    Raises SampleNotWritten where the directory cannot be made or written.
    """
    files = SampleFiles(directory / "claims.csv", directory / "truth.json", practice.claims.series.size)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _write_claims(files.claims, practice)
        files.truth.write_text(json.dumps(_truth(practice), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "the disk refused"
        raise SampleNotWritten(
            f"The sample could not be written: {reason}", where=str(directory), fix="Choose another directory."
        ) from error
    return files


def _write_claims(path: Path, practice: Practice) -> None:
    with path.open("wb") as export:
        for order, frame in enumerate(export_frames(practice)):
            frame.write_csv(export, include_header=order == 0)


def _truth(practice: Practice) -> dict[str, object]:
    drifts = [asdict(drift) | {"change_week": drift.change_week.isoformat()} for drift in practice.drifts]
    return {
        "drifts": drifts,
        "drift": practice.kind,
        "seed": practice.seed,
        "weeks": practice.calendar.weeks,
        "claims_per_week": practice.claims_per_week,
        "first_week": practice.calendar.start.isoformat(),
        "until": practice.calendar.until.isoformat(),
        "claims": practice.claims.series.size,
        "pending": int(practice.pending.sum()),
    }
