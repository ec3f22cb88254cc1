"""The time zone in which a customer's days begin, by its name in the IANA database."""

from datetime import date
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from payerwatch.refusals import Refusal
from payerwatch.tenancy import clock
from payerwatch.tenancy.context import current_customer_id
from payerwatch.tenancy.models import Customer

_OF_NO_PLACE = {"Factory", "localtime"}


class TimeZoneUnknown(Refusal):
    """There is no time zone of this name."""

    def __init__(self) -> None:
        super().__init__(
            "There is no time zone of this name.",
            fix="Write it as the IANA database does: UTC, or area and city, such as America/New_York.",
        )


def zone_named(name: str) -> ZoneInfo:
    """Raises TimeZoneUnknown."""
    if name not in _names():
        raise TimeZoneUnknown
    return ZoneInfo(name)


def today() -> date:
    """The day it is where the customer entered is."""
    zone: str = Customer.objects.values_list("time_zone", flat=True).get(pk=current_customer_id())
    return clock.now().astimezone(zone_named(zone)).date()


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - _OF_NO_PLACE)
