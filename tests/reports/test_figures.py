"""What a report says, held against a count of the loaded claims one by one."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payerwatch.alerts.actions import bring_up_to_date
from payerwatch.alerts.feedback import give_verdict
from payerwatch.alerts.models import Alert, Rule, Verdict
from payerwatch.claims.models import Upload
from payerwatch.drift.documents import event_sentence
from payerwatch.drift.models import DriftEvent
from payerwatch.reports.building import COUNTS, build
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, sunday
from tests.make import ACTOR, answer, customer, denied, pending, row, upload
from tests.reports import recounted

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
MONTH, FIRST, LAST = date(2025, 1, 1), date(2025, 1, 6), date(2025, 2, 2)
BEFORE = (date(2024, 12, 2), date(2025, 1, 5))
TWELVE = (FIRST - timedelta(weeks=12), FIRST - timedelta(days=1))
WEEKS = 58


def drifting(folder: Path) -> Customer:
    """Aetna denies more from the week of 2024-12-16 on; a few claims of each awkward kind beside."""
    who = customer()
    claims = claims_of(history(series=6, payers=3, weeks=WEEKS, volume=12))
    load(folder, denying_more(claims, pl.col("payer") == "Aetna", MONDAY + timedelta(weeks=50), date(2030, 1, 1)))
    odd = [
        row(number="late", submitted="2024-05-01", service="2024-05-01", decided="2025-01-07", payer="Cigna"),
        denied(number="double", submitted="2025-01-06", service="2025-01-06", decided="2025-02-02", reason="CO-18"),
        pending(number="first day", submitted="2025-01-06", service="2025-01-06"),
        pending(number="last day", submitted="2025-02-02", service="2025-02-02"),
        pending(number="day after", submitted="2025-02-03", service="2025-02-03"),
        row(number="nothing", submitted="2025-01-08", service="2025-01-08", decided="2025-01-15", billed="0.00"),
        denied(number="later", submitted="2025-01-08", service="2025-01-08", decided="2025-02-03"),
    ]
    upload(folder, odd, name="odd.csv")
    return who


def report(**options: Any) -> dict[str, Any]:
    """The figures as the command answers them."""
    arguments = [part for name, value in {"month": "2025-01", **options}.items() for part in (f"--{name}", value)]
    done = answer("report", *arguments)
    assert done.code == 0, done.document
    return dict(done.document["figures"])


def in_cents(figures: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: round(100 * figures[name]) if name.endswith("_amount") else figures[name] for name in names}


def test_claims_and_money_are_those_that_were_loaded(tmp_path: Path):
    claims = recounted.claims_of(drifting(tmp_path))
    figures = report()
    assert figures["covers"] == {"first_day": FIRST.isoformat(), "last_day": LAST.isoformat(), "weeks": 4}
    spans = {"": (FIRST, LAST), "month_before": BEFORE, "weeks_before": TWELVE}
    for name, span in spans.items():
        told = figures["volumes"][name] if name else figures["volumes"]
        expected = recounted.volumes(claims, *span)
        assert in_cents(told, set(expected)) == expected, name
        assert expected["decided"] > 200
    assert figures["volumes"]["duplicates"] == 1
    assert figures["volumes"]["still_pending"] >= 2


def test_rates_are_denied_of_paid_and_denied_and_change_is_their_difference(tmp_path: Path):
    claims = recounted.claims_of(drifting(tmp_path))
    told = report()["denial_rate"]
    now, before = (recounted.volumes(claims, *span) for span in ((FIRST, LAST), BEFORE))
    rates = [each["denied"] / (each["denied"] + each["paid"]) for each in (now, before)]
    assert told["rate"] == pytest.approx(rates[0])
    assert told["month_before"]["difference"] == pytest.approx(rates[0] - rates[1])
    assert told["low"] < told["rate"] < told["high"]
    assert told["weeks_before"]["difference_low"] > 0, "Aetna denies half of what it paid"


def test_each_payer_is_told_as_its_own_claims_are(tmp_path: Path):
    claims = recounted.claims_of(drifting(tmp_path))
    told = report()["payers"]
    assert told["others"] is None
    assert sorted(each["payer"] for each in told["named"]) == ["Aetna", "Cigna", "Humana"]
    for each in told["named"]:
        own = [claim for claim in claims if claim.payer.name == each["payer"]]
        expected = recounted.volumes(own, FIRST, LAST)
        assert in_cents(each, set(expected)) == expected
        assert each["days_to_decision"]["median"] == pytest.approx(recounted.median(own, FIRST, LAST))
        assert each["denial_rate"]["of"] == expected["paid"] + expected["denied"]


def test_days_are_the_median_of_all_that_waited_and_the_mean_of_what_was_decided(tmp_path: Path):
    claims = recounted.claims_of(drifting(tmp_path))
    told = report()["days_to_decision"]
    assert told["median"] == pytest.approx(recounted.median(claims, FIRST, LAST))
    assert told["mean"] == pytest.approx(recounted.mean_days(claims, FIRST, LAST))
    assert told["month_before"]["median"] == pytest.approx(recounted.median(claims, *BEFORE))
    assert told["weeks_before"]["median"] == pytest.approx(recounted.median(claims, *TWELVE))


def test_an_export_without_pending_claims_gives_no_median(tmp_path: Path):
    customer()
    decided = claims_of(history(series=4, weeks=WEEKS)).filter(pl.col("status") != "Pending")
    load(tmp_path, decided)
    figures = report()
    assert figures["sources"]["pending_known"] is False
    assert figures["days_to_decision"]["median"] is None
    assert figures["days_to_decision"]["mean"] > 5


def test_no_median_is_told_of_weeks_that_are_not_loaded_to_their_end(tmp_path: Path):
    """Claims whose decisions are yet to be loaded would be taken for waiting."""
    customer()
    load(tmp_path, as_known_on(claims_of(history(series=4, weeks=WEEKS)), LAST - timedelta(days=7)))
    figures = report()
    assert figures["sources"]["stale_days"] == 7
    assert figures["sources"]["pending_known"] is True
    assert figures["days_to_decision"]["median"] is None


def test_the_twenty_busiest_payers_are_named_and_all_others_are_told_together(tmp_path: Path):
    customer()
    rows = [
        row(number=f"{payer}-{claim}", payer=f"Payer {payer:02}", submitted="2025-01-07", decided="2025-01-21",
            service="2025-01-07", billed="100.00", paid="40.00")
        for payer in range(23)
        for claim in range(1 + (payer >= 3))
    ]  # fmt: skip
    upload(tmp_path, rows)
    told = report()["payers"]
    assert [each["payer"] for each in told["named"]] == [f"Payer {number:02}" for number in range(3, 23)]
    others = told["others"]
    assert [others[name] for name in ("payers", "submitted", "decided", "paid_amount")] == [3, 3, 3, 120.0]
    assert others["denial_rate"]["rate"] == 0


def test_events_are_of_the_weeks_judged(tmp_path: Path):
    who = drifting(tmp_path)
    for week in range(48, WEEKS):
        detect("--as-of", sunday(MONDAY, week))
    events = report()["events"]
    with acting_in(who):
        known = list(DriftEvent.objects.select_related("payer"))
    opened = [event for event in known if FIRST <= event.first_week <= LAST]
    open_at_end = [
        event
        for event in known
        if event.first_week <= LAST and (event.closed_week is None or event.closed_week > date(2025, 1, 27))
    ]
    assert sum(each["opened"] for each in events["by_kind"]) == len(opened)
    assert sum(each["open_at_end"] for each in events["by_kind"]) == len(open_at_end) > 0
    sentences = {event.public_id: event_sentence(event) for event in known}
    assert events["alerts"][0]["payer"] == "Aetna"
    assert all(each["sentence"] == sentences[each["id"]] for each in events["alerts"])


def test_money_at_risk_is_as_judged_at_the_end_and_a_payers_groups_are_not_added_to_it(tmp_path: Path):
    who = drifting(tmp_path)
    for week in range(50, WEEKS):
        detect("--as-of", sunday(MONDAY, week))
    with acting_in(who):
        event = DriftEvent.objects.get(payer__name="Aetna", cpt_group="", measure="denial_rate", direction="worse")
    [then] = [entry for entry in event.history if entry["week"] == "2025-01-27"]
    assert then["amount_at_risk"] != event.amount_at_risk
    assert report()["money"]["at_risk_amount"] == then["amount_at_risk"] / 100


def test_alerts_and_verdicts_are_of_the_days_on_which_they_came(tmp_path: Path):
    who = drifting(tmp_path)
    detect()
    with acting_in(who):
        for _ in range(3):
            Rule.objects.create(certainty="watch")
        bring_up_to_date()
        first, second, third, *_ = Alert.objects.order_by("pk")
        give_verdict(first, "noise", actor=ACTOR)
        give_verdict(first, "real", reason="policy_change", recovered_amount=12_345, actor=ACTOR)
        give_verdict(second, "noise", reason="our_data", actor=ACTOR)
        give_verdict(third, "real", reason="payer_error", recovered_amount=100_000, actor=ACTOR)
        inside, after = datetime(2025, 1, 20, tzinfo=UTC), datetime(2025, 2, 3, tzinfo=UTC)
        Alert.objects.update(raised_at=after, settled_at=after)
        Alert.objects.filter(pk__in=[first.pk, second.pk]).update(raised_at=inside, settled_at=inside)
        Alert.objects.filter(pk=first.pk).update(state="sent")
        Alert.objects.filter(pk=second.pk).update(state="held")
        Verdict.objects.exclude(alert=third).update(given_at=inside)
        Verdict.objects.filter(alert=third).update(given_at=after)
    figures = report()
    alerts, verdicts = figures["alerts"], figures["verdicts"]
    assert [alerts[name] for name in ("raised", "sent", "held", "cancelled")] == [2, 1, 1, 0]
    assert verdicts["by_kind"] == {"real": 1, "noise": 1, "needs_follow_up": 0}
    assert verdicts["by_reason"] == {"our_data": 1, "policy_change": 1}
    assert (verdicts["noise_share"], verdicts["recovered_amount"]) == (0.5, 123.45)
    assert figures["money"]["recovered_amount"] == 123.45


def test_files_are_those_loaded_on_these_days_and_stale_days_count_to_the_end(tmp_path: Path):
    who = customer()
    upload(tmp_path, [row(submitted="2025-01-07", service="2025-01-07", decided="2025-01-21"), row(submitted="never")])
    upload(tmp_path, [row(number="C9", payer="Cigna", submitted="2025-01-07", decided="2025-01-28")], name="b.csv")
    with acting_in(who):
        Upload.objects.filter(set_aside=1).update(loaded_at=datetime(2025, 2, 2, 23, tzinfo=UTC))
    told = report()["sources"]
    counted = {name: told[name] for name in ("files", "rows", "accepted", "set_aside", "files_taken_back")}
    assert counted == {"files": 1, "rows": 2, "accepted": 1, "set_aside": 1, "files_taken_back": 0}
    assert list(told["set_aside_by_reason"].values()) == [1]
    assert (told["loaded_until"], told["stale_days"]) == ("2025-01-28", 5)


def test_every_part_says_what_it_counts(tmp_path: Path):
    drifting(tmp_path)
    figures = report()
    parts = {name: each["counts"] for name, each in figures.items() if isinstance(each, dict) and name != "covers"}
    assert parts == COUNTS


def test_the_same_data_give_the_same_report_and_other_data_another_version(tmp_path: Path):
    who = drifting(tmp_path)
    with acting_in(who):
        first, again = (build(MONTH, date(2025, 6, 1)) for _ in range(2))
    assert first == again
    upload(tmp_path, [row(number="more", submitted="2025-01-07", decided="2025-01-21")], name="more.csv")
    with acting_in(who):
        assert build(MONTH, date(2025, 6, 1)).data_version != first.data_version


def test_no_figure_is_asked_of_claims_and_the_number_of_queries_does_not_grow(tmp_path: Path):
    who = customer()
    asked = []
    for size in (1, 30):
        rows = [
            row(number=f"{size}-{each}", payer=f"Payer {each}", submitted="2025-01-07", decided="2025-01-21")
            for each in range(size)
        ]
        upload(tmp_path, rows, name=f"{size}.csv")
        with (
            acting_in(who),
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            build(MONTH, date(2025, 6, 1))
        asked.append([each["sql"] for each in queries])
    assert len(asked[0]) == len(asked[1])
    assert not [sql for sql in asked[1] if "claims_claim" in sql.replace("claims_claim_", "")]
