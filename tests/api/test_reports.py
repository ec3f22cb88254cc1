"""Reports over the API: answered at once and built after, read as JSON and CSV, issued once."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from payerwatch.audit.models import Entry
from payerwatch.reports import actions
from payerwatch.reports.documents import report_document
from payerwatch.reports.models import Report
from payerwatch.tenancy.context import acting_in
from tests.api.loaded import Loaded, Work
from tests.drift.invented import history
from tests.drift.run_off_claims import claims_of, detect, load
from tests.make import row, upload

pytestmark = pytest.mark.django_db(transaction=True)

MONTH = {"month": "2025-01"}


def start(practice: Loaded, **body: Any) -> dict[str, Any]:
    answer = practice.ask("POST", "reports/", MONTH | body)
    assert answer.status == 202, answer
    return dict(answer.document)


def look(practice: Loaded, report: dict[str, Any]) -> dict[str, Any]:
    return dict(practice.get(f"reports/{report['id']}/"))


def issue(practice: Loaded, report: dict[str, Any]) -> Any:
    return practice.ask("POST", f"reports/{report['id']}/issue/")


def claim(folder: Path, number: str) -> None:
    dates = {"submitted": "2025-01-07", "service": "2025-01-07", "decided": "2025-01-21"}
    upload(folder, [row(number=number, **dates)], name=f"{number}.csv")


def test_a_report_is_answered_at_once_and_built_after(practice: Loaded, steps: list[Work], tmp_path: Path):
    load(tmp_path, claims_of(history(series=4, weeks=58)))
    detect()
    steps.clear()
    answered = practice.ask("POST", "reports/", MONTH)
    report = answered.document
    assert (answered.status, report["state"], report["month"]) == (202, "requested", "2025-01")
    assert dict(answered.headers)["Location"] == f"/api/v1/reports/{report['id']}/"
    assert look(practice, report) == report | {"figures": None}
    assert practice.ask("GET", f"reports/{report['id']}/csv/").document["code"] == "report_not_built"
    [step] = steps
    step()
    built = look(practice, report)
    assert (built["state"], built["refusal"]) == ("built", None)
    with acting_in(practice.customer):
        assert built["figures"] == report_document(Report.objects.get())["figures"]


def test_listings_leave_the_figures_out(practice: Loaded, steps_done: None, tmp_path: Path):
    claim(tmp_path, "C1")
    report = start(practice)
    [listed] = practice.get("reports/", month_from="2025-01-01", month_to="2025-01-31", state="built")["results"]
    assert listed | {"figures": look(practice, report)["figures"]} == look(practice, report)
    assert practice.get("reports/", month_from="2025-01-02")["results"] == []
    assert list(practice.get(f"reports/{report['id']}/", fields="figures,state")) == ["id", "state", "figures"]


def test_asked_again_while_it_is_built_it_is_built_once_more(
    practice: Loaded, steps: list[Work], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    claim(tmp_path, "C1")
    report = start(practice)
    [step] = steps
    build = actions.build

    def asked_meanwhile(month: date, today: date) -> Any:
        built = build(month, today)
        Report.objects.update(state="requested")
        return built

    with monkeypatch.context() as patch:
        patch.setattr(actions, "build", asked_meanwhile)
        step()
    assert look(practice, report)["state"] == "requested"
    claim(tmp_path, "C2")
    step()
    assert look(practice, report)["figures"]["volumes"]["submitted"] == 2


def test_a_month_without_claims_is_refused_and_says_why(practice: Loaded, steps_done: None, tmp_path: Path):
    report = look(practice, start(practice))
    assert (report["state"], report["refusal"]["code"], report["figures"]) == ("refused", "nothing_to_report", None)
    assert issue(practice, report).document["code"] == "report_not_built"
    claim(tmp_path, "C1")
    assert look(practice, start(practice))["state"] == "built"


def test_what_waits_is_taken_up_when_a_server_starts(practice: Loaded, steps: list[Work], tmp_path: Path):
    claim(tmp_path, "C1")
    report = start(practice)
    steps.clear()
    actions.take_up_waiting_reports()
    [step] = steps
    step()
    step()
    assert look(practice, report)["state"] == "built"
    steps.clear()
    actions.take_up_waiting_reports()
    assert steps == []


def test_it_is_issued_once_and_revised_only_on_request(practice: Loaded, steps_done: None, tmp_path: Path):
    claim(tmp_path, "C1")
    report = start(practice)
    issued = issue(practice, report)
    assert (issued.status, issued.document["state"]) == (200, "issued")
    assert issued.document == look(practice, report)
    again = issue(practice, report)
    assert (again.status, again.document["code"]) == (409, "report_issued")
    refused = practice.ask("POST", "reports/", MONTH)
    assert (refused.status, refused.document["code"]) == (409, "report_issued")
    revised = start(practice, revise=True)
    assert (revised["revision"], revised["revises"]) == (2, report["id"])
    assert look(practice, report) == issued.document


def test_the_file_is_sent_as_csv_under_a_name_of_its_own(practice: Loaded, steps_done: None, tmp_path: Path):
    claim(tmp_path, "C1")
    report = start(practice)
    answer = practice.ask("GET", f"reports/{report['id']}/csv/")
    headers = dict(answer.headers)
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Disposition"] == f'attachment; filename="report-2025-01-1-{report["id"]}.csv"'
    assert answer.body.decode().startswith("section,about,figure,value\r\nreport,,id,rep_")
    assert "ETag" in headers


def test_looking_leaves_no_entry_and_each_change_does(practice: Loaded, steps_done: None, tmp_path: Path):
    claim(tmp_path, "C1")
    report = start(practice)
    for route in ("reports/", f"reports/{report['id']}/", f"reports/{report['id']}/csv/"):
        practice.ask("GET", route)
    issue(practice, report)
    with acting_in(practice.customer):
        entries = Entry.objects.filter(thing_kind="report").order_by("position")
        assert [(each.verb, each.actor_kind) for each in entries] == [
            ("request", "key"), ("build", "job"), ("issue", "key"),
        ]  # fmt: skip


@pytest.mark.parametrize("month", ["2025-13", "2025-1", "1989-12", "2101-01", "2025-01-01", ""])
def test_a_month_is_written_with_its_year(practice: Loaded, month: str):
    refused = practice.ask("POST", "reports/", {"month": month})
    assert (refused.status, refused.document["code"]) == (400, "invalid")
    assert refused.document["errors"][0]["pointer"] == "/month"


def test_a_month_that_has_not_begun_is_refused(practice: Loaded):
    refused = practice.ask("POST", "reports/", {"month": "2099-01"})
    assert (refused.status, refused.document["code"]) == (400, "month_not_begun")
