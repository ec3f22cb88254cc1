"""The staging table: where an upload's accepted rows wait, inside its transaction, to become claims.

PostgreSQL is fed by `COPY` in text form (which a table with row policies refuses: hence a temporary
table, private to the connection); SQLite by prepared inserts. The statements that follow are the same.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from django.db import connection

from payerwatch.claims.models import Claim
from payerwatch.late import polars as pl
from payerwatch.tenancy.context import current_customer_id

TABLE = "staged_claim"

COLUMNS = (
    "row_number",
    "payer_mapping_id",
    "payer_id",
    "claim_key",
    "sealed_number",
    "submitted_date",
    "service_date",
    "cpt",
    "cpt_group",
    "billed_amount",
    "allowed_amount",
    "paid_amount",
    "outcome",
    "status",
    "decided_date",
    "denial_code",
    "denial_reason",
    "denial_category",
)
_TYPES = {
    "row_number": "bigint",
    "payer_mapping_id": "bigint",
    "payer_id": "bigint",
    "submitted_date": "date",
    "service_date": "date",
    "billed_amount": "bigint",
    "allowed_amount": "bigint",
    "paid_amount": "bigint",
    "decided_date": "date",
}
# Text that comes from the file as it stands; every other column is a number, a date or a word of ours.
_FREE_TEXT = ("claim_key", "denial_reason")


def create() -> None:
    """Make an empty staging table for this transaction."""
    columns = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(f"CREATE TEMPORARY TABLE {TABLE} ({columns})")


def drop() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")


def append(rows: pl.DataFrame) -> None:
    """Add rows (columns as in COLUMNS, any order) to the staging table."""
    rows = rows.select(COLUMNS)
    if connection.vendor == "postgresql":
        _copy(rows)
    else:
        _insert(rows)


def _copy(rows: pl.DataFrame) -> None:
    escaped = rows.with_columns(_escaped(name) for name in _FREE_TEXT)
    text = io.BytesIO()
    escaped.write_csv(
        text, include_header=False, separator="\t", null_value="\\N", quote_style="never", line_terminator="\n"
    )
    statement = f"COPY {TABLE} ({', '.join(COLUMNS)}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(text.getbuffer())


def _escaped(name: str) -> pl.Expr:
    """The column as COPY's text form wants it: backslash, tab and line ends are written as escapes."""
    text = pl.col(name)
    for character, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.str.replace_all(character, escape, literal=True)
    return text


def _insert(rows: pl.DataFrame) -> None:
    dates = [name for name, kind in _TYPES.items() if kind == "date"]
    plain = rows.with_columns(pl.col(dates).cast(pl.String))
    marks = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES ({marks})", plain.rows())


def count() -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {TABLE}")
        return int(cursor.fetchone()[0])


def keep_only_missing() -> None:
    """Leave only the rows of claims that are not stored."""
    claims = Claim._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""DELETE FROM {TABLE} WHERE EXISTS (SELECT 1 FROM {claims} AS stored WHERE stored.customer_id = %s
                AND stored.claim_key = {TABLE}.claim_key AND stored.submitted_date = {TABLE}.submitted_date)""",
            [current_customer_id()],
        )


def place_equal_rows() -> None:
    """Tell rows without a claim number that are equal in content apart by their place in the file.

    They all carry `~content.1`; the second of equal rows becomes `~content.2`, and so on.
    """
    ranked = f"""
        SELECT row_number AS r, row_number() OVER (PARTITION BY claim_key ORDER BY row_number) AS place
        FROM {TABLE} WHERE claim_key LIKE '~%%'"""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE {TABLE} SET claim_key = substr(claim_key, 1, length(claim_key) - 1) || place
                FROM ({ranked}) AS ranked WHERE row_number = r AND place > 1""",
            [],
        )


def merge_service_lines() -> None:
    """Make one row of each claim that has several.

    The same code again: the last row wins. Other codes are service lines of one claim: amounts are summed,
    and the highest-billed line gives payer, code, group and service date. The claim is pending while any
    line is; otherwise denied if every line is, else paid; it was decided when its last line was. A claim of
    which one line is left is that line as it stands.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged_lines")
        cursor.execute(f"CREATE TEMPORARY TABLE staged_lines AS {_RANKED_LINES}")
        cursor.execute(
            f"""DELETE FROM {TABLE} WHERE EXISTS (SELECT 1 FROM staged_lines AS line
                WHERE line.row_number = {TABLE}.row_number)"""
        )
        cursor.execute(f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) {_MERGED_LINES}")
        cursor.execute("DROP TABLE staged_lines")


_RANKED_LINES = f"""
    SELECT line.*,
        row_number() OVER (PARTITION BY line.claim_key, line.submitted_date, line.cpt
            ORDER BY line.row_number DESC) AS age
    FROM {TABLE} AS line
    JOIN (SELECT claim_key, submitted_date FROM {TABLE}
          GROUP BY claim_key, submitted_date HAVING count(*) > 1) AS several
      ON several.claim_key = line.claim_key AND several.submitted_date = line.submitted_date"""


def _of_first(ranking: str, columns: Sequence[str]) -> str:
    return ", ".join(f"max(CASE WHEN {ranking} = 1 THEN {name} END) AS {name}" for name in columns)


_MERGED_LINES = f"""
    SELECT max(row_number), {_of_first("size", ("payer_mapping_id", "payer_id"))},
        claim_key, max(sealed_number), submitted_date, {_of_first("size", ("service_date", "cpt", "cpt_group"))},
        sum(billed_amount), sum(allowed_amount), sum(paid_amount),
        CASE WHEN max(pending) = 1 THEN 'pending' WHEN min(denied) = 1 THEN 'denied' ELSE 'paid' END,
        CASE WHEN max(pending) = 1 THEN 'pending'
             WHEN min(status) = max(status) THEN max(status)
             WHEN min(denied) = 1 AND max(appealed) = 1 THEN 'appealed'
             WHEN max(denied) = 1 OR max(partial) = 1 THEN 'partially_paid' ELSE 'paid' END,
        CASE WHEN max(pending) = 0 THEN max(decided_date) END,
        CASE WHEN max(pending) = 0 OR count(*) = 1 THEN max(CASE WHEN denial_size = 1 THEN denial_code END) END,
        CASE WHEN max(pending) = 0 OR count(*) = 1 THEN max(CASE WHEN denial_size = 1 THEN denial_reason END) END,
        CASE WHEN max(pending) = 0 AND min(denied) = 1
             THEN max(CASE WHEN denial_size = 1 THEN denial_category END) END
    FROM (
        SELECT staged_lines.*,
            CASE WHEN outcome = 'pending' THEN 1 ELSE 0 END AS pending,
            CASE WHEN outcome = 'denied' THEN 1 ELSE 0 END AS denied,
            CASE WHEN status = 'appealed' THEN 1 ELSE 0 END AS appealed,
            CASE WHEN status = 'partially_paid' THEN 1 ELSE 0 END AS partial,
            row_number() OVER (PARTITION BY claim_key, submitted_date
                ORDER BY coalesce(billed_amount, 0) DESC, row_number) AS size,
            row_number() OVER (PARTITION BY claim_key, submitted_date
                ORDER BY CASE WHEN outcome = 'denied' THEN 0 ELSE 1 END,
                         coalesce(billed_amount, 0) DESC, row_number) AS denial_size
        FROM staged_lines WHERE age = 1
    ) AS line
    GROUP BY claim_key, submitted_date"""
