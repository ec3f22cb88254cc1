"""What was kept long enough is forgotten, nothing else is, and what is judged stays as it was."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from payerwatch import forgetting
from payerwatch.audit.models import Entry
from payerwatch.claims import old_claims, slices
from payerwatch.claims.models import Claim, ReplacedClaim, Upload, UploadSlice
from payerwatch.deliveries.models import Attempt, Message
from payerwatch.drift.runoff_arrays import LAG_WEEKS, WEEKS_NEEDED
from payerwatch.schedule import PERIODIC
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests import make
from tests.claims.recount import assert_cells_are_right

pytestmark = pytest.mark.django_db(transaction=True)

LAST, WEEKS = date(2026, 6, 28), 120
CUTOFF = date(2024, 6, 24)  # the Monday on or before 730 days before LAST


def weekly_rows(**cells: str) -> Iterator[make.Row]:
    """A claim of each week up to LAST, decided nine days later; and one that was decided two years late."""
    for week in range(WEEKS):
        submitted = LAST - timedelta(days=9, weeks=week)
        days = {"submitted": str(submitted), "service": str(submitted), "decided": str(submitted + timedelta(days=9))}
        yield make.row(number=f"C{week}") | days | cells
    yield make.denied(number="late", service="2023-07-03", submitted="2023-07-03", decided="2026-05-04")
    yield make.pending(number="never", service="2023-07-03", submitted="2023-07-03")


@pytest.fixture
def new_practice(transactional_db: None, settings: Any, tmp_path: Path) -> Customer:
    settings.CHECKPOINT_DIR = tmp_path / "checkpoints"
    return make.customer()


@pytest.fixture
def practice(new_practice: Customer, tmp_path: Path) -> Customer:
    """Two files, of which the second changes all that the first brought."""
    make.upload(tmp_path, weekly_rows())
    make.upload(tmp_path, weekly_rows(paid="70.00"), name="again.csv")
    return new_practice


def keep(**days: object) -> make.Answered:
    return make.answer("keep", *(word for name, value in days.items() for word in (f"--{name}", value)))


def forgotten(*options: str, customer: str = "Practice") -> dict[str, int]:
    done = make.answer("forget", *options, customer=customer)
    assert done.code == 0, done.document
    [told] = done.document["customers"]
    return told["rows"]


def stored(customer: Customer) -> tuple[int, int]:
    with acting_in(customer):
        return Claim.objects.count(), ReplacedClaim.objects.count()


def test_nothing_is_forgotten_by_itself(practice: Customer):
    before = stored(practice)
    assert sum(forgotten().values()) == 0
    assert stored(practice) == before


def test_claims_of_which_all_lies_before_the_cutoff_are_forgotten_and_cells_follow(practice: Customer):
    assert keep(claims=730).code == 0
    told = forgotten("--dry-run")
    before = stored(practice)
    assert stored(practice) == before
    gone = forgotten()
    assert gone == {table: rows for table, rows in told.items() if rows}
    with acting_in(practice):
        kept = Claim.objects.exclude(claim_key__in=["late", "never"])
        assert min(kept.values_list("first_decided_date", flat=True)) >= CUTOFF
        assert {each.claim_number for each in Claim.objects.filter(submitted_date__lt="2024-01-01")} == {"late"}
        assert ReplacedClaim.objects.count() == before[1] - gone["claims_replacedclaim"]
    assert_cells_are_right(practice)
    assert sum(forgotten().values()) == 0


def test_a_claim_whose_appeal_was_won_lately_is_kept_with_what_it_was(new_practice: Customer, tmp_path: Path):
    days = {"service": "2023-07-03", "submitted": "2023-07-03"}
    make.upload(tmp_path, [make.denied(number=name, decided="2023-08-01", **days) for name in ("won", "lost", "last")])
    appeals = [("won", "2026-06-01"), ("lost", "2024-06-23"), ("last", str(CUTOFF))]
    make.upload(tmp_path, [*weekly_rows(), *(make.row(number=name, decided=day, **days) for name, day in appeals)])
    keep(claims=730)
    told = forgotten("--dry-run")
    assert forgotten() == {table: rows for table, rows in told.items() if rows}
    with acting_in(new_practice):
        kept = Claim.objects.filter(submitted_date__lt="2024-01-01")
        assert {each.claim_number for each in kept} == {"won", "last", "late"}
        assert {(each.outcome, each.first_outcome) for each in kept if each.claim_number == "won"} == {
            ("paid", "denied")
        }
        assert ReplacedClaim.objects.filter(claim__in=kept).count() == 2
    assert_cells_are_right(new_practice)
    assert sum(forgotten().values()) == 0


def test_a_claim_that_is_decided_no_more_is_forgotten_by_its_first_decision(new_practice: Customer, tmp_path: Path):
    days = {"service": "2023-07-03", "submitted": "2023-07-03"}
    make.upload(tmp_path, [make.denied(number="again", decided="2023-08-01", **days)])
    make.upload(tmp_path, [*weekly_rows(), make.pending(number="again", **days)])
    keep(claims=730)
    assert forgotten()["claims_claim"] > 10
    with acting_in(new_practice):
        assert [each.claim_number for each in Claim.objects.filter(submitted_date__lt="2024-01-01")] == ["late"]
    assert_cells_are_right(new_practice)


def test_what_is_judged_is_the_same_before_and_after(practice: Customer):
    judged = make.answer("detect").document["run"]
    keep(claims=730)
    assert forgotten()["claims_claim"] > 10
    assert make.answer("detect").document["run"] == judged  # one run for a week and its data


def test_other_customers_keep_theirs(practice: Customer, tmp_path: Path):
    other = make.customer("Other")
    make.upload(tmp_path, list(weekly_rows())[-12:], customer="Other")
    before = stored(other)
    keep(claims=730)
    assert not forgotten(customer="Other")
    forgetting.forget_everywhere()
    assert stored(other) == before
    assert_cells_are_right(other)


def test_a_run_that_ends_halfway_has_forgotten_whole_weeks_and_the_next_one_goes_on(
    practice: Customer, monkeypatch: pytest.MonkeyPatch
):
    keep(claims=730)
    due = forgotten("--dry-run")["claims_claim"]
    left, forget_claims = [3], old_claims.forget_claims

    def dying(monday: date, cutoff: date) -> dict[str, int]:
        gone = forget_claims(monday, cutoff)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return gone

    monkeypatch.setattr(old_claims, "forget_claims", dying)
    with pytest.raises(KeyboardInterrupt):
        forgetting.forget_everywhere()
    monkeypatch.undo()
    assert forgotten("--dry-run")["claims_claim"] < due
    assert_cells_are_right(practice)
    assert forgotten()["claims_claim"] < due
    assert_cells_are_right(practice)


def test_an_upload_can_be_taken_back_though_some_of_its_claims_are_forgotten(practice: Customer):
    keep(claims=730)
    forgotten()
    with acting_in(practice):
        latest = Upload.objects.order_by("pk").last()
    assert make.answer("undo", latest.public_id).code == 0
    assert_cells_are_right(practice)


def test_each_batch_is_on_the_record(practice: Customer):
    keep(claims=730)
    gone = forgotten()
    with acting_in(practice):
        told = Entry.objects.filter(verb__in=["keep_for", "forget"]).order_by("position")
        [(kept_verb, kept_detail), *batches] = told.values_list("verb", "detail")
    assert (kept_verb, '"after":{"claims_days":730' in kept_detail) == ("keep_for", True)
    assert len(batches) >= gone["claims_claim"] // 2
    assert make.answer("verify_audit", customer=None).code == 0


@pytest.mark.parametrize("days", [{"claims": 729}, {"messages": 29}, {"claims": 99_999_999}])
def test_too_short_is_refused_with_what_would_do(new_practice: Customer, days: dict[str, int]):
    refused = keep(**days)
    assert refused.error["code"] == "kept_too_short"
    assert "at least" in refused.error["message"]


def test_the_least_is_more_than_a_judgement_looks_back_at():
    assert timedelta(weeks=WEEKS_NEEDED + LAG_WEEKS) < timedelta(days=forgetting.LEAST_DAYS_OF_CLAIMS)


def test_what_is_left_out_stays_and_forever_ends_it(new_practice: Customer):
    keep(claims=800, messages=60)
    assert keep(messages="forever").document == {"customer": "Practice", "claims_days": 800, "messages_days": None}


def test_settled_messages_are_forgotten_with_their_attempts_and_waiting_ones_are_not(new_practice: Customer):
    old, new = timezone.now() - timedelta(days=40), timezone.now() - timedelta(days=20)
    with acting_in(new_practice):
        for state, at in (("delivered", old), ("failed", old), ("dropped", new), ("waiting", None)):
            message = Message.objects.create(recipient="mem_1", type="t", body="{}", state=state, settled_at=at)
            Attempt.objects.create(message=message, number=1, started_at=old, milliseconds=1)
    keep(messages=30)
    assert forgotten() == {"deliveries_attempt": 2, "deliveries_message": 2}
    with acting_in(new_practice):
        assert set(Message.objects.values_list("state", flat=True)) == {"dropped", "waiting"}
        assert Attempt.objects.count() == 2


def test_pieces_of_files_are_forgotten_after_their_time_unless_the_file_waits(new_practice: Customer, settings: Any):
    with acting_in(new_practice):
        loaded = Upload.objects.create(filename="l", size_bytes=1)
        waiting = Upload.objects.create(filename="w", size_bytes=1, state=Upload.State.RECEIVED, loaded_at=None)
        for upload in (loaded, waiting):
            slices.keep(upload, UploadSlice.Kind.SET_ASIDE, 0, b"rows")
        Upload.objects.update(arrived_at=timezone.now() - timedelta(days=91))
    settings.KEEP_FILES_DAYS = 92
    assert not forgotten()
    settings.KEEP_FILES_DAYS = 90
    assert forgotten() == {"claims_uploadslice": 1}
    with acting_in(new_practice):
        assert UploadSlice.objects.get().upload == waiting


def test_the_clock_does_it_each_night():
    [own] = [each for each in PERIODIC if each.work is forgetting.forget_everywhere]
    assert own.every == timedelta(days=1)
