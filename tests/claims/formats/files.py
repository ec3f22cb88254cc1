"""Small claims files for the tests of reading."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from payerwatch.claims.formats.csv import Batch, ClaimsFile, open_claims_file

TODAY = date(2026, 6, 30)
HEADER = "Claim ID,Payer Name,CPT,Date of Service,Submission Date,Decision Date,Claim Status,Total Charge,Denial Reason"
ROW = "C1,Aetna,99213,2025-01-02,2025-01-03,2025-02-01,Paid,120.50,"


def write(folder: Path, content: str | bytes, name: str = "claims.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def row(**cells: str) -> str:
    """A row that is accepted, with some of its cells replaced."""
    names = ["claim", "payer", "cpt", "service", "submitted", "decided", "status", "billed", "reason"]
    values: dict[str, str] = dict(zip(names, ROW.split(","), strict=True)) | cells
    return ",".join(values[name] for name in names)


def opened(path: Path, **options: object) -> ClaimsFile:
    return open_claims_file(path, today=TODAY, **options)  # type: ignore[arg-type]


def read(path: Path, *, rows: int = 20_000, **options: object) -> list[Batch]:
    return list(opened(path, **options).batches(rows))


def accepted(batches: Sequence[Batch]) -> list[dict[str, object]]:
    return [dict(found) for batch in batches for found in batch.accepted.to_dicts()]


def codes(batches: Sequence[Batch]) -> dict[int, str]:
    """Reason code by row number of the rows set aside."""
    return {found.row: found.code for batch in batches for found in batch.set_aside}


def only_row(folder: Path, header: str = HEADER, **cells: str) -> Mapping[str, object]:
    """What becomes of one row: its accepted values, or its reason code under `code`."""
    batches = read(write(folder, lines(row(**cells), header=header)))
    found = accepted(batches)
    return found[0] if found else {"code": next(iter(codes(batches).values()))}
