"""Counting claims into run-off cells, by adding and subtracting.

A cell never sees a claim: it is changed by the claims a load, an undo or a re-mapping touched, in the
same transaction. Encounters billed at nothing are no claims and are not counted.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from payerwatch.claims.models import Claim, ReplacedClaim, Upload
from payerwatch.claims.old_claims import old_in_week
from payerwatch.drift.models import RunoffCell
from payerwatch.tenancy.context import current_customer_id

_KEY = ("payer_id", "cpt_group", "submit_week", "lag_weeks", "outcome", "denial_category")
_SUMS = ("claims", "billed_amount", "allowed_amount", "paid_amount", "lag_days")
_CELL = RunoffCell._meta.db_table
_A_MONDAY = "date('1900-01-01')"


def count_upload(upload: Upload, *, sign: int = 1) -> None:
    """Count what an upload changed: its claims in, the states they replaced out (`sign=-1`: the reverse)."""
    _add(Claim, "upload_id = %s", [upload.pk], sign)
    _add(ReplacedClaim, "replaced_by_id = %s", [upload.pk], -sign)
    _drop_empty()


def count_spelling(payer_mapping_id: int, *, sign: int) -> None:
    """Count the claims of one spelling of a payer in (`sign=1`) or out (`sign=-1`)."""
    _add(Claim, "payer_mapping_id = %s", [payer_mapping_id], sign)
    _drop_empty()


def count_codes(code_from: str, code_to: str, *, sign: int) -> None:
    """Count the claims of a range of codes, both ends included, in or out."""
    _add(Claim, "cpt >= %s AND cpt <= %s", [code_from, code_to], sign)
    _drop_empty()


def count_old(monday: date, cutoff: date, *, sign: int) -> None:
    """Count the claims of a week in or out of which everything lies before the cutoff."""
    _add(Claim, *old_in_week(monday, cutoff), sign)
    _drop_empty()


def _add(model: type[Model], condition: str, values: Sequence[int | str], sign: int) -> None:
    sums = ", ".join(f"{_CELL}.{name} + excluded.{name}" for name in _SUMS)
    with connection.cursor() as cursor, _hashed_groups(cursor):
        cursor.execute(
            f"""INSERT INTO {_CELL} (customer_id, {", ".join(_KEY + _SUMS)})
                SELECT customer_id, payer_id, cpt_group, {_week("submitted_date")} AS submit_week,
                    CASE WHEN first_outcome = 'pending' THEN {RunoffCell.PENDING}
                         ELSE {_weeks_between("first_decided_date", "submitted_date")} END AS lag_weeks,
                    first_outcome, coalesce(first_denial_category, ''),
                    {sign} * count(*), {sign} * coalesce(sum(billed_amount), 0),
                    {sign} * coalesce(sum(allowed_amount), 0), {sign} * coalesce(sum(paid_amount), 0),
                    {sign} * coalesce(sum({_days_between("first_decided_date", "submitted_date")}), 0)
                FROM {model._meta.db_table}
                WHERE customer_id = %s AND {condition} AND coalesce(billed_amount, 1) <> 0
                GROUP BY 1, 2, 3, 4, 5, 6, 7
                ON CONFLICT (customer_id, submit_week, payer_id, cpt_group, lag_weeks, outcome, denial_category)
                DO UPDATE SET ({", ".join(_SUMS)}) = ({sums})""",
            [current_customer_id(), *values],
        )


@contextmanager
def _hashed_groups(cursor: CursorWrapper) -> Iterator[None]:
    """On PostgreSQL, group by hashing.

    Just after a load its statistics do not know the new claims: it would expect one row, and sort them all.
    """
    if connection.vendor != "postgresql":
        yield
        return
    cursor.execute("SET LOCAL enable_sort = off")
    yield
    cursor.execute("SET LOCAL enable_sort TO DEFAULT")


def _drop_empty() -> None:
    RunoffCell.objects.filter(claims=0).delete()


def _week(column: str) -> str:
    """SQL for the Monday on or before a date."""
    if connection.vendor == "postgresql":
        return f"({_A_MONDAY} + 7 * {_week_number(column)})"
    return f"date({column}, 'weekday 0', '-6 days')"


def _week_number(column: str) -> str:
    """SQL for the whole weeks since a Monday long ago: whole-number arithmetic, quicker than calendars."""
    return f"({_days_between(column, _A_MONDAY)} / 7)"


def _days_between(later: str, earlier: str) -> str:
    if connection.vendor == "postgresql":
        return f"({later} - {earlier})"
    return f"CAST(julianday({later}) - julianday({earlier}) AS integer)"


def _weeks_between(later: str, earlier: str) -> str:
    return f"({_week_number(later)} - {_week_number(earlier)})"
