"""From staged rows to claims: what the upload changes is kept first, then one INSERT … ON CONFLICT.

Every statement names the customer, although on PostgreSQL the row policies would do: SQLite has none.
"""

from collections.abc import Iterable, Sequence

from django.db import connection

from payerwatch.claims.models import Claim, ReplacedClaim
from payerwatch.claims.staging import COLUMNS, TABLE
from payerwatch.tenancy.context import current_customer_id

_KEY = ("claim_key", "submitted_date")
# Sealed twice, a number looks different: that is no change of the claim.
_KEPT = (*_KEY, "sealed_number")
# A file that lacks one of these leaves what is known of it as it is.
_OPTIONAL = {
    "service_date": ("service_date",),
    "billed_amount": ("billed_amount",),
    "allowed_amount": ("allowed_amount",),
    "paid_amount": ("paid_amount",),
    "denial_reason": ("denial_code", "denial_reason"),
}
_STATE = tuple(name for name in COLUMNS if name != "row_number")
_FIRST = {
    "first_outcome": "outcome",
    "first_decided_date": "decided_date",
    "first_denial_category": "denial_category",
}
_CLAIM = Claim._meta.db_table
_REPLACED = ReplacedClaim._meta.db_table


def keep_replaced(upload_id: int, fields: Iterable[str]) -> int:
    """Keep each stored claim that the staged rows will change, as it is now. Returns how many."""
    columns = ", ".join(("upload_id", *_STATE, *_FIRST))
    existing = ", ".join(f"existing.{name}" for name in ("upload_id", *_STATE, *_FIRST))
    return _execute(
        f"""INSERT INTO {_REPLACED} (customer_id, replaced_by_id, claim_id, {columns})
            SELECT existing.customer_id, %s, existing.id, {existing}
            FROM {TABLE} AS staged
            JOIN {_CLAIM} AS existing
              ON existing.customer_id = %s AND {_equal("existing", "staged", _KEY)}
            WHERE {_changed("existing", "staged", fields)}""",
        [upload_id, current_customer_id()],
    )


def save(upload_id: int, fields: Iterable[str]) -> int:
    """Insert the staged claims and update those that differ. Returns how many were new or updated."""
    columns = ("customer_id", "upload_id", *_STATE, *_FIRST)
    staged = ", ".join((*_STATE, *_FIRST.values()))
    assignments = ", ".join(_assignments(fields))
    # "WHERE true": without it SQLite reads ON as part of a join.
    return _execute(
        f"""INSERT INTO {_CLAIM} AS existing ({", ".join(columns)})
            SELECT %s, %s, {staged} FROM {TABLE} WHERE true
            ON CONFLICT (customer_id, claim_key, submitted_date) DO UPDATE SET {assignments}
            WHERE {_changed("existing", "excluded", fields)}""",
        [current_customer_id(), upload_id],
    )


def take_back(upload_id: int) -> None:
    """Restore the claims that an upload changed and remove those it brought."""
    customer_id = current_customer_id()
    restored = ", ".join(f"{name} = was.{name}" for name in ("upload_id", *_STATE, *_FIRST))
    _execute(
        f"""DELETE FROM {_CLAIM} WHERE customer_id = %s AND upload_id = %s AND NOT EXISTS (
                SELECT 1 FROM {_REPLACED} AS was
                WHERE was.customer_id = %s AND was.replaced_by_id = %s AND was.claim_id = {_CLAIM}.id)""",
        [customer_id, upload_id, customer_id, upload_id],
    )
    _execute(
        f"""UPDATE {_CLAIM} SET {restored} FROM {_REPLACED} AS was
            WHERE {_CLAIM}.customer_id = %s AND was.customer_id = %s
              AND was.replaced_by_id = %s AND was.claim_id = {_CLAIM}.id""",
        [customer_id, customer_id, upload_id],
    )
    _execute(f"DELETE FROM {_REPLACED} WHERE customer_id = %s AND replaced_by_id = %s", [customer_id, upload_id])


def _unknown(fields: Iterable[str]) -> set[str]:
    """Columns that the file says nothing about."""
    known = set(fields)
    return {column for field, columns in _OPTIONAL.items() if field not in known for column in columns}


def _changed(existing: str, incoming: str, fields: Iterable[str]) -> str:
    # The payer and the group follow from the spelling and the code, by mappings that are kept elsewhere.
    ignored = {*_KEPT, "payer_id", "cpt_group", *_unknown(fields)}
    if "denial_reason" not in set(fields):
        ignored.add("denial_category")
    names = [name for name in _STATE if name not in ignored]
    differs = "IS DISTINCT FROM" if connection.vendor == "postgresql" else "IS NOT"
    return f"({_listed(existing, names)}) {differs} ({_listed(incoming, names)})"


def _assignments(fields: Iterable[str]) -> list[str]:
    latest = {name: f"excluded.{name}" for name in ("upload_id", *_STATE)}
    for name in (*_KEPT, *_unknown(fields)):
        del latest[name]
    reasons_known = "denial_reason" in set(fields)
    if not reasons_known:
        latest["denial_category"] = """CASE WHEN excluded.outcome = 'denied'
            THEN coalesce(existing.denial_category, excluded.denial_category) END"""
    first = {name: _first_decision(name, reasons_known=reasons_known) for name in _FIRST}
    return [f"{name} = {value}" for name, value in (latest | first).items()]


def _first_decision(name: str, *, reasons_known: bool) -> str:
    """The first decision stays, unless none was known or the row states one that is not later."""
    incoming = f"excluded.{name}"
    if name == "first_denial_category" and not reasons_known:
        incoming = """CASE WHEN excluded.first_outcome = 'denied'
            THEN coalesce(existing.first_denial_category, excluded.first_denial_category) END"""
    return f"""CASE WHEN excluded.first_outcome <> 'pending' AND (existing.first_outcome = 'pending'
        OR excluded.first_decided_date <= existing.first_decided_date)
        THEN {incoming} ELSE existing.{name} END"""


def _equal(left: str, right: str, names: Iterable[str]) -> str:
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in names)


def _listed(table: str, names: Iterable[str]) -> str:
    return ", ".join(f"{table}.{name}" for name in names)


def _execute(statement: str, parameters: Sequence[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)
