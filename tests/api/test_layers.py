"""Behind the filters of every query stand the database's row policies: the API without the first leaks nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models import Manager, QuerySet
from rest_framework.generics import GenericAPIView

from payerwatch.audit.models import Chain
from payerwatch.deliveries.models import Endpoint
from payerwatch.members import keys, sessions
from payerwatch.tenancy.models import TenantManager
from tests.api.crawl import FULL, Crawl
from tests.api.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet")]


@contextmanager
def filters_off(*, but_of: tuple[type, ...] = ()) -> Iterator[None]:
    """As if TenantManager had been forgotten, also where a view holds a queryset that it made."""
    filtered = TenantManager.get_queryset

    def every_row(manager: Manager) -> QuerySet:
        return filtered(manager) if manager.model in but_of else Manager.get_queryset(manager)

    def of_view(view: Any) -> QuerySet:
        made = every_row(view.queryset.model.objects)
        made.query.select_related = view.queryset.query.select_related
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TenantManager, "get_queryset", every_row)
        patch.setattr(GenericAPIView, "get_queryset", of_view)
        _forget_statements()
        yield
    _forget_statements()


def _forget_statements() -> None:
    """Those that are made once and kept, with the filters or without."""
    for each in (keys, sessions):
        each._statement.cache_clear()


@pytest.mark.postgresql
@pytest.mark.proof
@pytest.mark.parametrize("caller", ["owner", "key"] if FULL else ["owner"])
def test_without_any_filter_by_customer_row_policies_keep_everything_apart(caller: str, world: World):
    with filters_off():
        findings = Crawl(world, [caller]).run()
    assert findings == []


@pytest.mark.sqlite
def test_where_there_are_no_row_policies_the_crawl_sees_that_the_filters_are_gone(world: World):
    """But for chains: nothing could be recorded without one's own; and endpoints, which are sealed for one customer."""
    details = {f"GET {each}/<public_id>/" for each in ("api-keys", "claims", "drift-events", "members", "uploads")}
    asked = details | {"GET claims/", "GET uploads/", "GET members/", "GET audit-entries/"}
    with filters_off(but_of=(Chain, Endpoint)):
        seen = {each.endpoint for each in Crawl(world, ["owner"], only=asked).run()}
    assert seen == asked
