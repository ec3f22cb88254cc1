"""Each filter finds what it says, and nothing beside it."""

from datetime import UTC, datetime, timedelta

import pytest

from payerwatch.claims.models import Claim, Payer, Upload
from payerwatch.drift.models import DriftEvent
from payerwatch.tenancy.context import acting_in
from tests.api.makers import MONDAY, claim, drift_event, upload
from tests.api.test_paging import LISTINGS, ids
from tests.api.world import World, ask

pytestmark = pytest.mark.django_db(transaction=True)


def found(world: World, listing: str, **query: str) -> list[str]:
    answer = ask(world.headers("viewer"), "GET", LISTINGS[listing].path(), query=query)
    assert answer.status == 200, answer
    return ids(answer.document)


@pytest.fixture
def one_claim(world: World) -> str:
    """A claim unlike all others."""
    known = claim(world.own)
    with acting_in(world.own.customer):
        kept = Claim.objects.get(pk=int(known.removeprefix("clm_")))
        Payer.objects.filter(pk=kept.payer_id).update(name="Straße Health 100%_")
        Claim.objects.filter(pk=kept.pk).update(
            claim_key="C-77", cpt="J1885", cpt_group="infusions", outcome="paid", status="partially_paid",
            denial_code="B13", denial_category="duplicate", submitted_date=MONDAY + timedelta(days=400),
            decided_date=MONDAY + timedelta(days=407),
        )  # fmt: skip
    return known


@pytest.mark.parametrize(
    "query",
    [
        {"claim_number": "C-77"},
        {"payer": "STRAßE health 100%_"},
        {"cpt": "J1885"},
        {"cpt_group": "infusions"},
        {"outcome": "paid"},
        {"status": "partially_paid"},
        {"denial_code": "B13"},
        {"denial_category": "duplicate"},
        {"submitted_from": "2027-02-09"},
        {"decided_from": "2027-02-16", "decided_to": "2027-02-16"},
        {"search": "C-77"},
        {"search": "stra"},
        {"search": "Straße Health 100%_"},
        {"search": "j1885"},
        {"search": "b13"},
    ],
    ids=str,
)
def test_a_claim_is_found_by_each_of_its_marks_alone(query: dict[str, str], one_claim: str, world: World):
    assert found(world, "claims/", **query) == [one_claim]


@pytest.mark.parametrize(
    "query",
    [
        {"claim_number": "C-7"}, {"claim_number": "c-77"}, {"payer": "Straße"}, {"cpt": "J188"}, {"search": "C-7"},
        {"search": "Health"}, {"search": "straße_"}, {"search": "%"}, {"decided_from": "2027-02-17"},
        {"denial_category": "unknown"}, {"search": "J1885", "outcome": "denied"},
    ],
    ids=str,
)  # fmt: skip
def test_a_claim_is_not_found_by_a_part_or_by_what_is_near(query: dict[str, str], one_claim: str, world: World):
    assert found(world, "claims/", **query) == []


def test_a_search_is_walked_in_pages_like_any_listing(one_claim: str, world: World):
    with acting_in(world.own.customer):
        Claim.objects.update(cpt="J1885")
        total = Claim.objects.count()
    first = ask(
        world.headers("viewer"), "GET", LISTINGS["claims/"].path(), query={"search": "J1885", "page_size": "1"}
    ).document
    assert ids(first) == [one_claim]
    assert len(found(world, "claims/", search="J1885")) == total


@pytest.mark.parametrize(
    "query",
    [
        {"payer": "straße health"}, {"cpt_group": "Dialysis"}, {"search": "STRA"}, {"search": "dialysis"},
        {"certainty": "watch"}, {"tier": "watch"}, {"measure": "days_to_decision"}, {"direction": "better"},
        {"status": "closed"}, {"first_week_from": "2026-02-02"}, {"first_week_from": "2026-02-02", "search": "str"},
    ],
    ids=str,
)  # fmt: skip
def test_an_event_is_found_by_each_of_its_marks_alone(query: dict[str, str], world: World):
    known = drift_event(world.own)
    with acting_in(world.own.customer):
        events = DriftEvent.objects.filter(public_id=known)
        Payer.objects.filter(pk=events.get().payer_id).update(name="Straße Health")
        events.update(
            cpt_group="dialysis" if "search" in query else "Dialysis", certainty="watch", tier="watch",
            measure="days_to_decision", direction="better", status="closed", first_week=MONDAY + timedelta(weeks=4),
        )  # fmt: skip
    assert found(world, "drift-events/", **query) == [known]
    assert known not in found(world, "drift-events/", first_week_to="2026-02-01")


def test_an_upload_is_found_by_when_it_was_loaded(world: World):
    known = upload(world.own)
    with acting_in(world.own.customer):
        Upload.objects.filter(public_id=known).update(loaded_at=datetime(2025, 3, 4, 12, 30, tzinfo=UTC))
    assert found(world, "uploads/", loaded_to="2025-03-05") == [known]
    assert found(world, "uploads/", loaded_from="2025-03-04T12:30:00Z", loaded_to="2025-03-04T12:30:01Z") == [known]
    assert found(world, "uploads/", loaded_to="2025-03-04T12:30:00Z") == []
    assert known not in found(world, "uploads/", loaded_from="2025-03-04T12:30:01Z")


@pytest.mark.parametrize("blank", ["", " ", "\t", "\x19", "\u00a0\u2003"], ids=repr)
def test_nothing_is_not_taken_for_everything(blank: str, one_claim: str, world: World):
    for name, listing in LISTINGS.items():
        for each in listing.filters:
            answer = ask(world.headers("owner"), "GET", f"/api/v1/{name}", query={each: blank})
            assert (answer.status, answer.document["errors"][0]["parameter"]) == (400, each), (name, each)
