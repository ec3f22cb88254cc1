"""When a step has failed for good, whoever waits for it is told, and may ask again."""

from datetime import date
from pathlib import Path

import pytest
from django.utils import timezone

from payerwatch import receiving
from payerwatch.audit.models import Entry
from payerwatch.claims.arrivals import Asked
from payerwatch.claims.models import Upload, UploadSlice
from payerwatch.drift.models import DriftRun
from payerwatch.jobs.steps import Step, name_of, told_when_parked
from payerwatch.judging.asked_runs import ask_for_run, judge_asked, take_up_waiting_runs
from payerwatch.reports.actions import ask_for_report, build_asked
from payerwatch.reports.models import Report
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.jobs.caught import Work, catch_steps
from tests.make import ACTOR, customer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def practice() -> Customer:
    return customer()


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    queued: list[Work] = []
    catch_steps(monkeypatch, queued.append)
    return queued


def give_up(step: Step, practice: Customer, public_id: str) -> None:
    tell = told_when_parked(name_of(step))
    assert tell is not None
    tell(practice.pk, public_id)


def outcomes(practice: Customer, verb: str) -> list[str]:
    with acting_in(practice):
        return list(Entry.objects.filter(verb=verb).values_list("outcome", flat=True))


def test_a_run_ends_as_refused_says_what_to_do_and_another_may_be_asked_for(practice: Customer, steps: list[Work]):
    with acting_in(practice):
        run = ask_for_run(None, actor=ACTOR)
    give_up(judge_asked, practice, run.public_id)
    with acting_in(practice):
        run.refresh_from_db()
        assert (run.state, run.refusal["code"]) == (DriftRun.State.REFUSED, "judging_failed")
        assert "operator" in run.refusal["fix"]
        assert ask_for_run(None, actor=ACTOR).public_id != run.public_id
    assert outcomes(practice, "detect") == ["refused"]


def test_a_run_that_was_given_up_is_not_taken_up_again(practice: Customer, steps: list[Work]):
    with acting_in(practice):
        run = ask_for_run(None, actor=ACTOR)
    give_up(judge_asked, practice, run.public_id)
    steps.clear()
    take_up_waiting_runs()
    assert steps == []


def test_a_run_that_was_judged_meanwhile_stays_so(practice: Customer):
    with acting_in(practice):
        run = ask_for_run(None, actor=ACTOR)
        DriftRun.objects.filter(pk=run.pk).update(state=DriftRun.State.DONE)
    give_up(judge_asked, practice, run.public_id)
    with acting_in(practice):
        run.refresh_from_db()
    assert run.state == DriftRun.State.DONE


def test_a_file_is_refused_and_its_pieces_go(practice: Customer, tmp_path: Path):
    with acting_in(practice):
        upload = receiving.receive(b"Payer,CPT\n", Asked("export.csv"), actor=ACTOR)
    give_up(receiving.load_received, practice, upload.public_id)
    give_up(receiving.load_received, practice, upload.public_id)
    with acting_in(practice):
        upload.refresh_from_db()
        assert (upload.state, upload.refusal["code"]) == (Upload.State.REFUSED, "load_failed")
        assert not UploadSlice.objects.exists()
    assert outcomes(practice, "load") == ["refused"]


def test_a_report_ends_as_refused_and_may_be_asked_for_again(practice: Customer):
    with acting_in(practice):
        report = ask_for_report(date(2026, 1, 1), actor=ACTOR)
    give_up(build_asked, practice, report.public_id)
    with acting_in(practice):
        report.refresh_from_db()
        assert (report.state, report.refusal["code"]) == (Report.State.REFUSED, "building_failed")
        assert ask_for_report(date(2026, 1, 1), actor=ACTOR).state == Report.State.REQUESTED
    assert outcomes(practice, "build") == ["refused"]


def test_what_a_report_said_before_can_be_read_on(practice: Customer):
    """It said so of the data as they were then."""
    built_at = timezone.now()
    with acting_in(practice):
        report = ask_for_report(date(2026, 1, 1), actor=ACTOR)
        Report.objects.filter(pk=report.pk).update(document='{"method": 1}', data_version="v", built_at=built_at)
    give_up(build_asked, practice, report.public_id)
    with acting_in(practice):
        report.refresh_from_db()
    assert (report.state, report.figures, report.built_at) == (Report.State.REFUSED, {"method": 1}, built_at)
