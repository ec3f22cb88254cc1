"""The figures behind an event, against a practice small enough to count by hand.

Aetna, office visits: every week from 2024-01-01 on five claims are submitted, four on Monday and one on Sunday, and
decided a week later: one denied (CO-197), four paid with 100.00 allowed. From the decisions of week 56 on all are
denied, those otherwise paid with CO-50.
Expected of 20 decisions is therefore exactly a fifth, 4, at any order of decision.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from payerwatch.drift.explaining import explain_event
from payerwatch.drift.models import DriftEvent
from payerwatch.drift.queries import claims_behind
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.run_off_claims import detect, sunday
from tests.make import HEADERS, Row, answer, customer, denied, pending, row, upload

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
JUDGED = 59


def claim(week: int, number: int, *, last: int) -> Row:
    """Claim `number` of a submission week, as known at the end of week `last`."""
    day, decided = (str(MONDAY + timedelta(weeks=when, days=6 * (number == 4))) for when in (week, week + 1))
    said = {"number": f"W{week:02}-{number}", "submitted": day, "service": day, "decided": decided, "allowed": "100.00"}
    if week + 1 > last:
        return pending(number=said["number"], submitted=day, service=day)
    if week + 1 >= 56 or number == 0:
        return denied(**said | {"allowed": "0.00", "reason": "CO-50" if number else "CO-197"})
    return row(**said)


def claims(last: int = JUDGED) -> list[Row]:
    return [claim(week, number, last=last) for week in range(last + 1) for number in range(5)]


@pytest.fixture
def practice(tmp_path: Path) -> Customer:
    practice = customer()
    upload(tmp_path, claims())
    detect("--as-of", sunday(MONDAY, JUDGED))
    return practice


def denial_event(practice: Customer, *, group: str = "") -> DriftEvent:
    with acting_in(practice):
        return DriftEvent.objects.select_related("payer").get(measure="denial_rate", direction="worse", cpt_group=group)


def test_counts_windows_and_baseline_are_those_counted_by_hand(practice: Customer):
    for group in ("", "office_visits"):
        event = denial_event(practice, group=group)
        assert (event.observed, event.claims) == (20, 20)
        assert event.expected == pytest.approx(4.0, abs=1e-9)
        assert event.window["name"] == "decided_4"
        assert (event.window["first_week"], event.window["last_week"]) == ("2025-01-27", "2025-02-17")
        assert {window["name"]: window["claims"] for window in event.windows} == {
            "decided_4": 20,
            "submitted_4": 15,
            "submitted_8": 35,
            "submitted_12": 55,
        }
        assert event.baseline == {
            "first_week": "2024-07-01",
            "last_week": "2024-12-23",
            "weeks": 26,
            "decided": 130,
            "denial_rate": 0.2,
        }


def test_money_at_risk_is_excess_denials_times_the_usual_payment(practice: Customer):
    assert denial_event(practice).amount_at_risk == 16 * 100_00


@pytest.mark.parametrize(("missing", "cents"), [({"allowed"}, 80_00), ({"allowed", "paid"}, 120_50)])
def test_without_allowed_amounts_a_claim_is_worth_what_was_paid_else_billed(
    tmp_path: Path, missing: set[str], cents: int
):
    practice = customer()
    upload(tmp_path, claims(), columns=[column for column in HEADERS if column not in missing])
    detect("--as-of", sunday(MONDAY, JUDGED))
    assert denial_event(practice).amount_at_risk == 16 * cents


def test_the_category_named_is_the_one_that_grew(practice: Customer):
    assert denial_event(practice).top_denial_category == "medical_necessity"


def listed(practice: Customer, event: DriftEvent) -> list[str]:
    with acting_in(practice):
        return list(claims_behind(event).values_list("claim_key", flat=True))


def test_the_claims_behind_a_denial_event_are_the_denials_of_its_window(practice: Customer):
    event = denial_event(practice)
    numbers = listed(practice, event)
    assert numbers == [f"W{week}-{number}" for week in (55, 56, 57, 58) for number in range(5)]
    assert len(numbers) == event.observed


def test_what_is_learned_later_does_not_change_what_an_event_was_about(practice: Customer, tmp_path: Path):
    before = denial_event(practice)
    numbers = listed(practice, before)
    later = [claim(week, number, last=62) for week in range(59, 63) for number in range(5)]
    won = claim(57, 1, last=JUDGED) | {"status": "Paid", "decided": "2025-03-17", "allowed": "100.00", "reason": ""}
    upload(tmp_path, [*later, won], name="later.csv")
    assert listed(practice, denial_event(practice)) == numbers


def test_denials_that_came_after_the_judged_week_are_not_behind_it(tmp_path: Path):
    practice = customer()
    upload(tmp_path, claims(JUDGED))
    detect("--as-of", sunday(MONDAY, 57))
    event = denial_event(practice)
    assert event.window["kind"] == "submitted"
    numbers = listed(practice, event)
    assert len(numbers) == event.observed
    assert numbers[-1] == "W56-4"


def test_duplicates_and_encounters_billed_at_nothing_are_not_behind_it(practice: Customer, tmp_path: Path):
    numbers = listed(practice, denial_event(practice))
    decided = {"submitted": "2025-02-03", "decided": "2025-02-10", "service": "2025-02-03"}
    extra = [denied(number=f"X{number}", reason="CO-18", **decided) for number in range(30)]
    extra.append(denied(number="Y1", billed="0.00", **decided))
    upload(tmp_path, extra, name="extra.csv")
    detect("--as-of", sunday(MONDAY, JUDGED))
    event = denial_event(practice)
    assert listed(practice, event) == numbers
    assert (event.observed, event.top_denial_category) == (20, "medical_necessity")


def test_the_payers_claims_are_those_of_all_its_groups(practice: Customer, tmp_path: Path):
    others = [claim(week, number, last=JUDGED) | {"cpt": "97110"} for week in range(JUDGED + 1) for number in range(5)]
    upload(tmp_path, [cells | {"number": f"T{cells['number']}"} for cells in others], name="therapy.csv")
    detect("--as-of", sunday(MONDAY, JUDGED))
    payer, visits = denial_event(practice), denial_event(practice, group="office_visits")
    assert (payer.observed, visits.observed) == (40, 20)
    assert payer.expected == pytest.approx(8.0, abs=1e-9)
    assert payer.amount_at_risk == 32 * 100_00
    assert (len(listed(practice, payer)), len(listed(practice, visits))) == (40, 20)
    assert visits.parent_id == payer.pk


def test_the_claims_behind_a_delay_are_those_waiting_at_its_end(tmp_path: Path):
    practice = customer()
    upload(tmp_path, [cells for cells in claims(56) if cells["reason"] != "CO-50"])
    waiting = [claim(week, number, last=0) for week in (57, 58, 59) for number in range(5)]
    upload(tmp_path, waiting, name="waiting.csv")
    detect("--as-of", sunday(MONDAY, 59))
    with acting_in(practice):
        event = DriftEvent.objects.select_related("payer").get(measure="days_to_decision", cpt_group="")
    assert event.direction == "worse"
    assert event.top_denial_category is None
    stuck = [f"W{week}-{number}" for week in (56, 57, 58, 59) for number in range(5)]
    assert listed(practice, event) == stuck
    upload(tmp_path, [claim(59, 1, last=60)], name="decided.csv")
    assert listed(practice, event) == stuck


def test_an_event_for_the_better_names_no_category(tmp_path: Path):
    practice = customer()
    changed = str(MONDAY + timedelta(weeks=44))
    calmed = [
        cells | {"status": "Paid", "reason": "", "allowed": "100.00"}
        if cells["status"] == "Denied" and cells["submitted"] >= changed and cells["number"] != "W54-0"
        else cells
        for cells in claims(56)
    ]
    upload(tmp_path, calmed)
    detect("--as-of", sunday(MONDAY, 56))
    with acting_in(practice):
        event = DriftEvent.objects.select_related("payer").get(measure="denial_rate", cpt_group="")
    assert (event.direction, event.observed, event.top_denial_category) == ("better", 1, None)
    assert event.amount_at_risk == round((event.expected - 1) * 100_00)
    assert listed(practice, event) == ["W54-0"]


def test_an_explanation_charts_the_weeks_up_to_the_one_judged(practice: Customer):
    with acting_in(practice):
        explained = explain_event(denial_event(practice), claims=3)
    assert explained.claim_numbers == ["W55-0", "W55-1", "W55-2"]
    assert explained.claims_behind == 20
    weeks = explained.weeks
    assert weeks is not None
    assert weeks.weeks[-1] == MONDAY + timedelta(weeks=JUDGED)
    assert weeks.observed[-5:] == [0.2, 1.0, 1.0, 1.0, 1.0]
    assert weeks.expected[-1] == pytest.approx(0.2)
    assert weeks.low[-1] is not None
    assert weeks.high[-1] is not None
    assert weeks.low[-1] <= 0.2 <= weeks.high[-1] < 1.0


def test_an_event_whose_payer_was_mapped_away_is_explained_by_what_was_kept(practice: Customer):
    event = denial_event(practice)
    assert answer("map_payer", "Aetna", "Aetna Better Health").code == 0
    with acting_in(practice):
        explained = explain_event(event, claims=3)
    assert (explained.weeks, explained.claims_behind, explained.claim_numbers) == (None, 0, [])
    document: Any = answer("explain", event.public_id).document
    assert document["weeks"] is None
