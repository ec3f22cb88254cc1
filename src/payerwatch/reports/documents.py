"""A report as programs read it, and as a file for spreadsheets. Amounts are dollars here, and whole cents elsewhere."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from payerwatch.audit.verifying.exported import harmless
from payerwatch.reports.models import Report

COLUMNS = ("section", "about", "figure", "value")
_NAMES = (("id",), ("payer",), ("tier", "direction", "measure"))
"""What a row of a list is about: the first of these that it has."""


def in_dollars(figures: Any) -> Any:
    """The same with every amount in dollars: what is named `…_amount`, and `amount_at_risk`."""
    if isinstance(figures, Mapping):
        return {name: _dollars(each) if _is_amount(name) else in_dollars(each) for name, each in figures.items()}
    if isinstance(figures, list):
        return [in_dollars(each) for each in figures]
    return figures


def report_document(report: Report) -> dict[str, Any]:
    """The report for programs."""
    return {
        "id": report.public_id,
        "month": f"{report.month:%Y-%m}",
        "revision": report.revision,
        "revises": report.revises.public_id if report.revises else None,
        "state": report.state,
        "requested_at": report.requested_at,
        "built_at": report.built_at,
        "issued_at": report.issued_at,
        "issued_by": report.issued_by,
        "data_version": report.data_version,
        "digest": report.digest,
        "refusal": report.refusal,
        "figures": in_dollars(report.figures) or None,
    }


def csv_text(report: Report) -> str:
    """One figure a line; what is a text cannot be taken for a formula."""
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(COLUMNS)
    document = report_document(report)
    figures = document.pop("figures") or {}
    head = {name: document[name] for name in ("id", "revision", "revises", "state", "issued_at", "digest")}
    for line in (*_lines("report", "", "", head), *_sections(figures)):
        writer.writerow([_cell(value) for value in line])
    return target.getvalue()


def _sections(figures: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    for name, each in figures.items():
        if isinstance(each, Mapping):
            yield from _lines(name, "", "", each)
        else:
            yield ("report", "", name, each)


def _lines(section: str, about: str, path: str, value: Any) -> Iterator[Sequence[Any]]:
    """A line for each figure within the value, named by the way to it."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _lines(section, about, f"{path}.{name}" if path else name, each)
    elif isinstance(value, list):
        for each in value:
            yield from _lines(section, _about(each), path, each)
    else:
        yield (section, about, path, value)


def _about(row: Mapping[str, Any]) -> str:
    known: Sequence[str] = next((names for names in _NAMES if names[0] in row), ())
    return " ".join(str(row[name]) for name in known)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, int | float) else harmless(str(value))


def _is_amount(name: str) -> bool:
    return name.endswith("_amount") or name == "amount_at_risk"


def _dollars(cents: int | None) -> float | None:
    return None if cents is None else cents / 100
