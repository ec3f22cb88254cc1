"""Whether a rule tells of what was seen, and when. Pure: no database, and no clock of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

CERTAINTIES = ("watch", "likely", "very_likely")
SHORTER_DAY = timedelta(hours=1)
"""By which a day is shorter where clocks change: from digest to digest a day's cool-down has passed all the same."""
SMALLEST_DOUBLED = 1_000_00
"""Cents: of what is less than this a doubling is no news, so it is measured from here."""


@dataclass(frozen=True)
class Terms:
    """What a rule tells of. Blank, or None, means any."""

    measure: str
    direction: str
    level: str
    certainty: str
    least_amount: int
    """Cents at risk."""
    payer: int | None
    cpt_group: str


@dataclass(frozen=True)
class Seen:
    """A drift event as it stands in one week, at its highest up to then."""

    measure: str
    payer: int
    cpt_group: str
    """Blank for the payer as a whole."""
    direction: str
    certainty: str
    amount: int | None


@dataclass(frozen=True)
class Told:
    """An alert of the same rule about the same event."""

    escalation: int
    amount: int | None


@dataclass(frozen=True)
class Timing:
    """When a rule may tell. Hours are those of the customer's day."""

    zone: ZoneInfo
    daily_at: int | None
    """The hour of the digest; None for a rule that tells at once."""
    quiet_from: int | None
    quiet_until: int | None
    cool_down: timedelta


def tells_of(terms: Terms, seen: Seen) -> bool:
    """Whether what was seen is as the rule says."""
    amount_enough = terms.least_amount == 0 or (seen.amount is not None and seen.amount >= terms.least_amount)
    return (
        terms.measure in ("", seen.measure)
        and terms.direction in ("", seen.direction)
        and terms.level in ("", "cpt_group" if seen.cpt_group else "payer")
        and terms.payer in (None, seen.payer)
        and terms.cpt_group in ("", seen.cpt_group)
        and CERTAINTIES.index(seen.certainty) >= CERTAINTIES.index(terms.certainty)
        and amount_enough
    )


def escalation_of(told: Sequence[Told], amount: int | None) -> int | None:
    """The number of the alert that is due now: 0 for the first, one more where the amount has doubled since the last.

    None where nothing is new.
    """
    if not told:
        return 0
    last = max(told, key=lambda each: each.escalation)
    doubled = 2 * max(last.amount or 0, SMALLEST_DOUBLED)
    return last.escalation + 1 if amount is not None and amount >= doubled else None


def due_at(timing: Timing, now: datetime, last_sent: datetime | None) -> datetime:
    """When an alert raised now is sent: not before the cool-down ends, at the digest's hour, never in quiet hours.

    `last_sent` is when the rule last told of the same payer and CPT group.
    """
    if last_sent is not None and timing.daily_at is not None:
        last_sent = _hour_begun(last_sent) - SHORTER_DAY
    due = now if last_sent is None else max(now, last_sent + timing.cool_down)
    if timing.daily_at is not None:
        due = _next_hour(due, timing.daily_at, timing.zone)
    if timing.quiet_from is not None and timing.quiet_until is not None:
        due = _after_quiet(due, timing.quiet_from, timing.quiet_until, timing.zone)
    return due


def _hour_begun(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _after_quiet(due: datetime, begins: int, ends: int, zone: ZoneInfo) -> datetime:
    """Where the clock leaves out the hour in which quiet ends, the next may be quiet too."""
    while _is_quiet(due.astimezone(zone).hour, begins, ends):
        due = _next_hour(due + timedelta(microseconds=1), ends, zone)
    return due


def _is_quiet(hour: int, begins: int, ends: int) -> bool:
    return begins <= hour < ends if begins <= ends else hour >= begins or hour < ends


def _next_hour(after: datetime, hour: int, zone: ZoneInfo) -> datetime:
    """The first time not before `after` at which the customer's day comes to this hour."""
    local = after.astimezone(zone)
    found = datetime.combine(local.date(), time(hour), zone)
    if found.astimezone(after.tzinfo) < after:
        found = datetime.combine(local.date() + timedelta(days=1), time(hour), zone)
    return found.astimezone(after.tzinfo)
