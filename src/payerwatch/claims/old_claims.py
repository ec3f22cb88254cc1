"""Claims, and pieces of files, that were kept long enough: finding them, and forgetting some.

The caller has entered the customer. Who forgets claims holds the lock on them, and takes them out of the run-off cells.
"""

from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Min, Q, QuerySet

from payerwatch.claims.models import Claim, ReplacedClaim, Upload, UploadSlice
from payerwatch.tenancy.context import current_customer_id

_PIECES_AT_ONCE = 100
_SETTLED = (Upload.State.LOADED, Upload.State.REPEATED, Upload.State.REFUSED, Upload.State.UNDONE)
_WEEK = timedelta(weeks=1)


def old_claims(cutoff: date) -> QuerySet[Claim]:
    """Those of which everything lies before the day: submitted before it, and decided before it or never.

    The latest decision is looked at as well as the first: an appeal may be won years after a claim was denied.
    """
    first = Q(first_decided_date=None) | Q(first_decided_date__lt=cutoff)
    latest = Q(decided_date=None) | Q(decided_date__lt=cutoff)
    return Claim.objects.filter(first, latest, submitted_date__lt=cutoff)


def old_in_week(monday: date, cutoff: date) -> tuple[str, list[str]]:
    """SQL for the condition that a claim is one of the `old_claims` and of this week, and the parameters of it."""
    condition = """submitted_date >= %s AND submitted_date < %s
        AND (first_decided_date IS NULL OR first_decided_date < %s)
        AND (decided_date IS NULL OR decided_date < %s)"""
    return condition, [str(monday), str(monday + _WEEK), str(cutoff), str(cutoff)]


def first_old_week(cutoff: date) -> date | None:
    """The Monday of the first week in which some of these were submitted."""
    first: date | None = old_claims(cutoff).aggregate(first=Min("submitted_date"))["first"]
    return None if first is None else first - timedelta(days=first.weekday())


def forget_claims(monday: date, cutoff: date) -> dict[str, int]:
    """Forget the old ones of this week, and what they were before uploads changed them; how many, by table."""
    claim, customer = Claim._meta.db_table, current_customer_id()
    condition, values = old_in_week(monday, cutoff)
    which = f"SELECT id FROM {claim} WHERE customer_id = %s AND {condition}"
    found = {}
    for table, column in ((ReplacedClaim._meta.db_table, "claim_id"), (claim, "id")):
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {table} WHERE customer_id = %s AND {column} IN ({which})",
                [customer, customer, *values],
            )
            found[table] = int(cursor.rowcount)
    return found


def old_pieces(arrived_before: datetime) -> QuerySet[UploadSlice]:
    """Those of files that wait for nothing any more."""
    return UploadSlice.objects.filter(upload__state__in=_SETTLED, upload__arrived_at__lt=arrived_before)


def forget_pieces(arrived_before: datetime) -> int:
    """Forget some, and say how many."""
    some = list(old_pieces(arrived_before).values_list("pk", flat=True)[:_PIECES_AT_ONCE])
    return UploadSlice.objects.filter(pk__in=some).delete()[0]
