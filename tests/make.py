"""One of each kind, for tests: a customer, a row, a claims file, and what a command answers."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command

from payerwatch.audit.actors import Actor
from payerwatch.pipeline import add_customer
from payerwatch.tenancy.models import Customer

# Keys for tests, and the header each has in files.
HEADERS = {
    "number": "Claim ID",
    "payer": "Payer Name",
    "cpt": "CPT",
    "service": "Date of Service",
    "submitted": "Submission Date",
    "decided": "Decision Date",
    "status": "Claim Status",
    "billed": "Total Charge",
    "allowed": "Allowed Amount",
    "paid": "Paid Amount",
    "reason": "Denial Reason",
}
Row = dict[str, str]

ACTOR = Actor("command", name="tests")


def customer(name: str = "Practice") -> Customer:
    return add_customer(name, actor=ACTOR)


def row(**cells: str) -> Row:
    """A row that is accepted: a paid claim, with the cells given put in its place."""
    usual = {
        "number": "C1",
        "payer": "Aetna",
        "cpt": "99213",
        "service": "2026-01-02",
        "submitted": "2026-01-05",
        "decided": "2026-01-20",
        "status": "Paid",
        "billed": "120.50",
        "allowed": "80.00",
        "paid": "80.00",
        "reason": "",
    }
    return usual | cells


def pending(**cells: str) -> Row:
    return row(**({"status": "Pending", "decided": "", "allowed": "", "paid": ""} | cells))


def denied(**cells: str) -> Row:
    return row(**({"status": "Denied", "allowed": "0.00", "paid": "0.00", "reason": "CO-197"} | cells))


def claims_file(
    folder: Path, rows: Iterable[Row], *, name: str = "claims.csv", columns: Sequence[str] = tuple(HEADERS)
) -> Path:
    """A CSV of the rows; `columns` (keys of HEADERS, or names of others) are those the file has."""
    path = folder / name
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow([HEADERS.get(column, column) for column in columns])
        writer.writerows([cells.get(column, "") for column in columns] for cells in rows)
    return path


@dataclass(frozen=True)
class Answered:
    """What a command said with --json: its exit code, the document on stdout, and stderr."""

    code: int
    document: Any
    errors: str = ""

    @property
    def error(self) -> Mapping[str, str]:
        assert self.code == 1, self.document
        return self.document["error"]


def answer(command: str, *arguments: object, customer: str | None = "Practice") -> Answered:
    """Run a command of the product as the command line would."""
    named = [] if customer is None else ["--customer", customer]
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command(command, *map(str, arguments), *named, "--json", stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    return Answered(code, json.loads(out.getvalue()), err.getvalue())


def words(command: str, *arguments: object, customer: str | None = "Practice") -> str:
    """What a command says to a person, stdout and stderr together."""
    named = [] if customer is None else ["--customer", customer]
    out, err = io.StringIO(), io.StringIO()
    with suppress(SystemExit):
        call_command(command, *map(str, arguments), *named, stdout=out, stderr=err)
    return " ".join((out.getvalue() + err.getvalue()).split())


def upload(folder: Path, rows: Iterable[Row], *options: object, customer: str = "Practice", **file: Any) -> Any:
    """Load a file of these rows; the document the command answered with."""
    done = answer("load", claims_file(folder, rows, **file), *options, customer=customer)
    assert done.code == 0, done.document
    return done.document
