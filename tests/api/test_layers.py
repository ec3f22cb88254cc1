"""Behind the filters of every query stand the database's row policies: the API without the first leaks nothing."""

import pytest
from django.db.models import Manager, QuerySet

from payerwatch.audit.models import Chain
from payerwatch.tenancy.models import TenantManager
from tests.api.crawl import Crawl
from tests.api.world import World
from tests.tenancy.conftest import filters_off

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("quiet")]


@pytest.mark.postgresql
@pytest.mark.parametrize("caller", ["owner", "key"])
def test_without_any_filter_by_customer_row_policies_keep_everything_apart(caller: str, world: World):
    with filters_off():
        findings = Crawl(world, [caller]).run()
    assert findings == []


@pytest.mark.sqlite
def test_where_there_are_no_row_policies_the_crawl_sees_that_the_filters_are_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    filtered = TenantManager.get_queryset

    def unfiltered(manager: Manager) -> QuerySet:
        """Every customer's rows; of chains alone one's own, without which nothing could be recorded."""
        return filtered(manager) if manager.model is Chain else Manager.get_queryset(manager)

    monkeypatch.setattr(TenantManager, "get_queryset", unfiltered)
    seen = {each.endpoint for each in Crawl(world, ["owner"]).run()}
    assert {"GET claims/", "GET uploads/<public_id>/", "GET members/", "GET audit-entries/"} <= seen
