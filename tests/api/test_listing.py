"""What can be asked of a listing beside its filters: an order, a count, some of the fields; and how rows are shaped."""

import json
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

import orjson
import pytest
from django.db import connection
from django.db.models import Max
from django.test.utils import CaptureQueriesContext
from rest_framework.renderers import JSONRenderer

from payerwatch.audit.models import Entry
from payerwatch.claims.models import Claim
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy.context import acting_in
from payerwatch.web.api import paging
from payerwatch.web.api.rendering import QuickJSON
from tests.api.makers import MAKERS, MONDAY, claim, drift_event
from tests.api.routes import endpoints
from tests.api.test_paging import LISTINGS, ids, page, walked
from tests.api.world import Answer, World, ask

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

ORDERED = [(name, order) for name, each in LISTINGS.items() for order in each.view.orders]
# What nothing that is made here has.
SELDOM_THERE = {"undone_at", "returned_from", "snoozed_until", "first_date", "last_date", "received_at", "refusal"}
SHAPED = [name for name, each in LISTINGS.items() if each.view.document is not None or "documents" in vars(each.view)]
WITH_BODY = [each for each in endpoints() if each.method == "GET" and each.action == "retrieve"]


def asked(world: World, listing: str, **query: str) -> Answer:
    return ask(world.headers("owner"), "GET", LISTINGS[listing].path(), query=query)


def newest_detail(world: World) -> dict[str, Any]:
    with acting_in(world.own.customer):
        return json.loads(Entry.objects.order_by("-position")[0].detail)["after"]


# Orders


def spread(world: World) -> None:
    """Claims and events that share days and amounts, and have none."""
    for number in range(11):
        amount = None if number % 4 == 0 else (number % 3 - 1) * 500
        known = int(claim(world.own).removeprefix("clm_"))
        event = drift_event(world.own)
        with acting_in(world.own.customer):
            days = timedelta(days=number % 3)
            Claim.objects.filter(pk=known).update(billed_amount=amount, submitted_date=MONDAY + days)
            weeks = {"first_week": MONDAY + 7 * days, "as_of_week": MONDAY + 14 * days}
            DriftEvent.objects.filter(public_id=event).update(amount_at_risk=amount, **weeks)
        MAKERS["upload"](world.own)


@pytest.mark.parametrize(("listing", "order"), ORDERED)
def test_each_order_is_kept_from_page_to_page_both_ways_and_absent_values_come_last(
    listing: str, order: str, world: World
):
    spread(world)
    headers, first = world.headers("owner"), f"{LISTINGS[listing].path()}?order={order}&page_size="
    whole = page(headers, f"{first}200")["results"]
    values = [each[order.lstrip("-")] for each in whole]
    there = [each for each in values if each is not None]
    assert there == sorted(there, reverse=order.startswith("-"))
    assert values == there + [None] * (len(values) - len(there))
    everything = [each["id"] for each in whole]
    for size in (1, 3, 4):
        assert list(chain(*walked(headers, f"{first}{size}", "next"))) == everything
    last = page(headers, f"{first}3")
    while last["next"]:
        last = page(headers, last["next"])
    backwards = [ids(last), *walked(headers, last["previous"], "previous")]
    assert list(chain(*reversed(backwards))) == everything


@pytest.mark.postgresql
@pytest.mark.parametrize(("listing", "order"), ORDERED)
def test_an_index_leads_to_the_place_of_a_cursor_in_each_order(listing: str, order: str, world: World):
    """Also under the row policy, which lets no index answer what might tell of other rows."""
    spread(world)
    headers, table = world.headers("owner"), LISTINGS[listing].view.queryset.model._meta.db_table
    link = page(headers, f"{LISTINGS[listing].path()}?order={order}&page_size=3")["next"]
    with CaptureQueriesContext(connection) as asked:
        page(headers, link)
    [statement] = [each["sql"] for each in asked.captured_queries if f'FROM "{table}"' in each["sql"]]
    with acting_in(world.own.customer), connection.cursor() as cursor:
        for other in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):  # which pay with few rows
            cursor.execute(f"SET LOCAL enable_{other} = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {statement}")
        plan = [line.strip() for (line,) in cursor.fetchall()]
    assert [line for line in plan if line.startswith("Index Cond:") and "ROW(" in line], plan


@pytest.mark.parametrize("listing", [name for name, each in LISTINGS.items() if each.view.orders])
def test_the_first_order_is_the_usual_one_and_a_cursor_is_of_its_order_alone(listing: str, world: World):
    spread(world)
    usual, other, *_ = LISTINGS[listing].view.orders
    shown = asked(world, listing, page_size="2").document
    assert shown["results"] == asked(world, listing, page_size="2", order=usual).document["results"]
    cursor = shown["next"].rpartition("cursor=")[2].replace("%3A", ":")
    assert asked(world, listing, cursor=cursor).status == 200
    refused = asked(world, listing, cursor=cursor, order=other).document
    assert (refused["code"], refused["errors"][0]["parameter"]) == ("cursor_unusable", "cursor")


def test_an_order_that_is_not_offered_is_refused_and_told_which_are(world: World):
    document = asked(world, "drift-events/", order="payer").document
    offered = "-as_of_week, as_of_week, -first_week, first_week, -amount_at_risk"
    assert document["errors"] == [{"parameter": "order", "detail": f"Give one of: {offered}."}]


# Counts


@pytest.mark.parametrize("listing", sorted(LISTINGS))
def test_rows_are_counted_where_it_is_asked_for_and_nowhere_else(listing: str, world: World):
    headers, path = world.headers("owner"), LISTINGS[listing].path()
    assert "count" not in page(headers, path)
    assert "count" not in page(headers, f"{path}?count=false")
    everything = ids(page(headers, f"{path}?page_size=200"))
    counted = page(headers, f"{path}?count=true&page_size=1")
    grown = listing == "audit-entries/"  # by the look before
    assert counted["count"] == len(everything) + grown
    assert counted["count_is_capped"] is False
    assert len(counted["results"]) == 1


def test_a_count_is_of_what_the_filter_finds_whatever_the_page(world: World):
    spread(world)
    found = asked(world, "claims/", outcome="denied", count="true", page_size="2").document
    with acting_in(world.own.customer):
        assert found["count"] == Claim.objects.filter(outcome="denied").count()
    assert page(world.headers("owner"), found["next"])["count"] == found["count"]
    assert asked(world, "claims/", outcome="paid", count="true").document["count"] == 0


@pytest.mark.parametrize(("most", "capped"), [(2, True), (3, False)])
def test_beyond_the_most_that_are_counted_the_cap_is_told(
    most: int, capped: bool, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(paging, "MOST_COUNTED", most)
    with acting_in(world.own.customer):
        assert Claim.objects.count() == 3
    counted = asked(world, "claims/", count="true").document
    assert (counted["count"], counted["count_is_capped"]) == (most, capped)


@pytest.mark.parametrize("value", ["", "1", "True", "yes", "\x00"])
def test_whether_to_count_is_true_or_false(value: str, world: World):
    errors = asked(world, "members/", count=value).document["errors"]
    assert errors == [{"parameter": "count", "detail": "Give true or false."}]


# Some of the fields


@pytest.mark.parametrize("listing", sorted(LISTINGS))
def test_of_a_listing_the_fields_asked_for_are_shown_with_the_id(listing: str, world: World):
    whole = asked(world, listing, page_size="2").document["results"][-1]
    name = list(whole)[2]
    some = asked(world, listing, page_size="2", fields=f"{name},{name}").document["results"]
    assert all(set(each) == {"id", name} for each in some)
    assert [each for each in some if each == {"id": whole["id"], name: whole[name]}] or listing == "audit-entries/"


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=lambda each: each.name)
def test_of_a_detail_too(endpoint: Any, world: World):
    path = endpoint.path(public_id=MAKERS[endpoint.thing](world.own))
    whole = ask(world.headers("owner"), "GET", path).document
    name = list(whole)[1]
    assert ask(world.headers("owner"), "GET", path, query={"fields": name}).document == {
        "id": whole["id"],
        name: whole[name],
    }


def test_who_reads_some_fields_of_claims_is_on_record_with_their_ids(world: World):
    shown = ids(asked(world, "claims/", fields="cpt", order="submitted_date").document)
    assert newest_detail(world) == {
        "filter": {"fields": "cpt", "order": "submitted_date"},
        "claims": shown,
        "count": len(shown),
    }


@pytest.mark.parametrize("route", ["claims/", "claims/{}/"])
def test_a_field_that_is_not_there_is_named_where_it_looks_like_a_name(route: str, world: World):
    path = f"/api/v1/{route}".format(claim(world.own))

    def told(fields: str) -> str:
        [error] = ask(world.headers("owner"), "GET", path, query={"fields": fields}).document["errors"]
        assert error["parameter"] == "fields"
        return str(error["detail"])

    assert told("cpt,patient_name").startswith("There is no field patient_name here. There are: id, claim_number, ")
    assert told("cpt,Jane Doe").startswith("There is no such field here. ")
    assert told("").startswith("There is no such field here. ")


# The quick forms


def of_all_kinds(world: World) -> None:
    """Rows with every value there may be, and with none where there may be none."""
    spread(world)
    with acting_in(world.own.customer):
        newest = Claim.objects.aggregate(newest=Max("pk"))["newest"]
        Claim.objects.filter(pk=newest).update(
            service_date=MONDAY, decided_date=MONDAY, denial_category="authorization", allowed_amount=1, paid_amount=0,
            first_decided_date=MONDAY, first_denial_category="duplicate",
        )  # fmt: skip
        parent, child = DriftEvent.objects.order_by("pk")[:2]
        DriftEvent.objects.filter(pk=child.pk).update(parent=parent, closed_week=MONDAY, status="closed")
        DriftEvent.objects.filter(pk=parent.pk).update(cpt_group="", top_denial_category="eligibility")
    ask(world.headers("owner"), "PATCH", "/api/v1/settings/", body={"second_factor_required": False})


@pytest.mark.parametrize("listing", SHAPED)
def test_the_quick_form_of_a_row_is_what_the_serializer_makes_of_it(listing: str, world: World):
    of_all_kinds(world)
    view = LISTINGS[listing].view
    with acting_in(world.own.customer):
        declared = view.serializer_class(view.queryset.order_by("pk"), many=True).data
        rows = view.queryset.order_by("pk")
        made = view().documents(list(rows.values_list(*view.columns) if view.columns else rows))
        assert [list(each) for each in made] == [list(each) for each in declared]
        assert orjson.loads(QuickJSON().render(made)) == json.loads(JSONRenderer().render(declared))
        shown = orjson.loads(QuickJSON().render(made))
    assert len(made) > 3
    for name in shown[0]:
        assert {type(each[name]) for each in shown} != {type(None)} or name in SELDOM_THERE


def test_there_are_quick_forms_of_the_large_listings():
    assert set(SHAPED) >= {"claims/", "audit-entries/", "drift-events/", "uploads/"}


def test_values_are_written_as_the_framework_writes_them():
    values = {
        "decimal": Decimal("12.50"), "float": 0.1, "small": 1e-9, "large": 1e22, "whole": 12.0, "int": 2**53,
        "text": "é\u2028\"\\/\x7f\x00", "none": None, "day": MONDAY, "span": timedelta(seconds=90), "true": True,
    }  # fmt: skip
    ours = json.loads(QuickJSON().render(values))
    theirs = json.loads(JSONRenderer().render(values))
    assert ours == theirs
    assert {name: type(each) for name, each in ours.items()} == {name: type(each) for name, each in theirs.items()}
