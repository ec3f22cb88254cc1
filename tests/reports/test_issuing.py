"""A report from the first look to the last: built again until it is issued, and then never changed, but revised."""

import csv
import json
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from payerwatch.audit.models import Entry
from payerwatch.deliveries.models import Endpoint, Message
from payerwatch.drift.models import RunoffCell
from payerwatch.reports import actions
from payerwatch.reports.documents import in_dollars
from payerwatch.reports.models import Report
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.postgresql.roles import as_migrator
from tests.jobs.caught import catch_steps
from tests.make import Answered, answer, customer, row, upload, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put on the queue stays there."""
    catch_steps(monkeypatch, lambda _work: None)


def claims(folder: Path, number: str = "C1", **cells: str) -> Any:
    """A file of one claim of January 2025."""
    usual = {"submitted": "2025-01-07", "service": "2025-01-07", "decided": "2025-01-21"}
    return upload(folder, [row(number=number, **(usual | cells))], name=f"{number}.csv")


def report(*arguments: str, month: str = "2025-01") -> Answered:
    return answer("report", "--month", month, *arguments)


def on(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr(actions.time_zones, "today", lambda: day)


def test_until_it_is_issued_the_same_report_is_built_again(tmp_path: Path):
    customer()
    claims(tmp_path)
    first = report().document
    claims(tmp_path, "C2")
    again = report().document
    assert (again["id"], again["revision"], again["state"]) == (first["id"], 1, "built")
    assert [each["figures"]["volumes"]["submitted"] for each in (first, again)] == [1, 2]
    assert first["data_version"] != again["data_version"]


def test_once_issued_it_stays_as_it_is_whatever_comes(tmp_path: Path):
    customer()
    first = claims(tmp_path)["upload"]
    issued = report("--issue").document
    assert (issued["state"], issued["revision"]) == ("issued", 1)
    claims(tmp_path, "C2")
    assert answer("undo", first).code == 0
    assert answer("map_payer", "Aetna", "Another").code == 0
    assert report().document == issued
    assert report("--issue").error["code"] == "report_issued"


def test_a_correction_is_a_revision_that_names_the_one_before(tmp_path: Path):
    customer()
    claims(tmp_path)
    issued = report("--issue").document
    claims(tmp_path, "C2")
    revised = report("--revise").document
    assert (revised["revision"], revised["revises"], revised["state"]) == (2, issued["id"], "built")
    claims(tmp_path, "C3")
    final = report("--revise", "--issue").document
    assert (final["id"], final["figures"]["volumes"]["submitted"]) == (revised["id"], 3)
    third = report("--revise").document
    assert (third["revision"], third["revises"]) == (3, final["id"])


def test_there_is_nothing_to_revise_before_one_is_issued(tmp_path: Path):
    customer()
    claims(tmp_path)
    assert report("--revise").error["code"] == "nothing_to_revise"
    report()
    assert report("--revise").error["code"] == "nothing_to_revise"


def test_a_month_without_claims_has_no_report(tmp_path: Path):
    who = customer()
    assert report().error["code"] == "nothing_to_report"
    claims(tmp_path)
    assert report(month="2024-12").error["code"] == "nothing_to_report"
    with acting_in(who):
        assert not Report.objects.exists()
        refused = Entry.objects.filter(verb="build", outcome="refused")
        assert [json.loads(each.detail)["after"]["code"] for each in refused] == ["nothing_to_report"] * 2


def test_a_month_that_is_not_over_is_preliminary_and_cannot_be_issued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    customer()
    claims(tmp_path)
    on(monkeypatch, date(2025, 1, 5))
    assert report().error["code"] == "month_not_begun"
    on(monkeypatch, date(2025, 2, 2))
    assert report().document["figures"]["preliminary"] is True
    assert report("--issue").error["code"] == "month_not_over"
    on(monkeypatch, date(2025, 2, 3))
    assert report("--issue").document["figures"]["preliminary"] is False


def test_what_was_built_before_the_end_is_built_again_before_it_is_issued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    who = customer()
    claims(tmp_path)
    on(monkeypatch, date(2025, 2, 2))
    report()
    on(monkeypatch, date(2025, 2, 3))
    with acting_in(who), pytest.raises(actions.BuiltBeforeTheEnd):
        actions.issue_report(Report.objects.get(), actor=actions.JOB)


def test_the_trail_has_the_digest_of_what_was_issued(tmp_path: Path):
    who = customer()
    claims(tmp_path)
    issued = report("--issue").document
    with acting_in(who):
        kept = Report.objects.get()
        said = [(each.verb, json.loads(each.detail)["after"]) for each in Entry.objects.filter(thing_kind="report")]
    assert [verb for verb, _ in said] == ["build", "issue"]
    assert said[-1][1]["digest"] == issued["digest"]
    assert in_dollars(json.loads(kept.document)) == issued["figures"]


@pytest.mark.parametrize("state", ["built", "issued"])
def test_the_database_refuses_to_change_what_is_issued(tmp_path: Path, state: str):
    who = customer()
    claims(tmp_path)
    report(*["--issue"][: state == "issued"])
    refused = pytest.raises(DatabaseError, match="issued: update refused on reports_report")
    for column, value in {"document": "{}", "state": "built", "digest": "0" * 64, "month": date(2024, 1, 1)}.items():
        with acting_in(who), refused if state == "issued" else nullcontext(), transaction.atomic():
            Report.objects.update(**{column: value})


def test_no_report_can_be_deleted(tmp_path: Path):
    who = customer()
    claims(tmp_path)
    report()
    with pytest.raises(DatabaseError), acting_in(who):
        Report.objects.all().delete()


@pytest.mark.postgresql
def test_not_even_the_owner_of_the_table_changes_or_deletes_what_is_issued(tmp_path: Path):
    customer()
    claims(tmp_path)
    report("--issue")
    for statement in ("UPDATE reports_report SET document = ''", "DELETE FROM reports_report"):
        with as_migrator(), pytest.raises(DatabaseError, match="refused on reports_report"), transaction.atomic():
            connection.cursor().execute(statement)


def test_the_migration_goes_back_and_forth():
    call_command("migrate", "reports", "zero", verbosity=0)
    assert "reports_report" not in connection.introspection.table_names()
    call_command("migrate", "reports", verbosity=0)
    assert "reports_report" in connection.introspection.table_names()


def test_endpoints_that_subscribe_are_told_when_it_is_issued_and_only_then(tmp_path: Path):
    who = customer()
    claims(tmp_path)
    with acting_in(who):
        for number, types in enumerate([["report.issued"], [], ["alert.raised"]]):
            Endpoint.objects.create(channel="webhook", sealed_url=b"", name=str(number), event_types=types)
    report()
    with acting_in(who):
        assert not Message.objects.exists()
    issued = report("--issue").document
    with acting_in(who):
        told = list(Message.objects.select_related("endpoint").order_by("endpoint"))
    assert [each.endpoint.name for each in told if each.endpoint] == ["0", "1"]
    body = json.loads(told[0].body)
    assert (body["type"], told[0].about) == ("report.issued", issued["id"])
    data = body["data"]
    assert (data["report"], data["month"], data["revision"]) == (issued["id"], "2025-01", 1)
    assert (data["submitted"], data["decided"], data["denial_rate"], data["paid_amount"]) == (1, 1, 0.0, 80.0)
    assert (
        data["sentence"] == "The report of January 2025 is issued: 1 claim submitted, 1 decided, 0.0% of them denied."
    )


def test_the_file_has_every_figure_and_no_text_that_a_spreadsheet_would_run(tmp_path: Path):
    who = customer()
    claims(tmp_path, payer="Aetna")
    with acting_in(who):
        [payer] = {cell.payer for cell in RunoffCell.objects.select_related("payer")}
        payer.name = "=HYPERLINK(1)"
        payer.save()
    target = tmp_path / "report.csv"
    figures = report("--csv", str(target)).document["figures"]
    with target.open(newline="", encoding="utf-8") as source:
        lines = list(csv.reader(source))
    assert lines[0] == ["section", "about", "figure", "value"]
    assert ["volumes", "", "submitted", "1"] in lines
    assert ["volumes", "", "paid_amount", "80.0"] in lines
    assert ["denial_rate", "", "month_before.difference", ""] in lines
    named = [line for line in lines if line[2] == "named.paid_amount"]
    assert named == [["payers", "'=HYPERLINK(1)", "named.paid_amount", "80.0"]]
    assert len([line for line in lines if line[0] == "payers"]) > 20
    assert not [cell for line in lines for cell in line[:3] if cell.startswith(("=", "+", "-", "@"))]
    assert figures["payers"]["named"][0]["payer"] == "=HYPERLINK(1)"


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path):
    customer()
    claims(tmp_path)
    target = tmp_path / "report.csv"
    target.write_text("kept")
    assert report("--issue", "--csv", str(target)).error["code"] == "report_not_writable"
    assert target.read_text() == "kept"
    assert report().document["state"] == "built", "nothing was issued"


def test_a_report_that_is_refused_leaves_no_file(tmp_path: Path):
    customer()
    target = tmp_path / "report.csv"
    assert report("--csv", str(target)).error["code"] == "nothing_to_report"
    assert not target.exists()


def test_people_read_the_month_on_a_page(tmp_path: Path):
    customer()
    claims(tmp_path)
    said = words("report", "--month", "2025-01")
    assert "January 2025, not issued" in said
    assert "4 weeks, 2025-01-06 to 2025-02-02" in said
    assert "submitted 1 $120 billed" in said
    assert "denied 0 0.0% of 1" in said
    assert "Note: Data end 12 days before the report does, or before today." in said


@pytest.mark.parametrize("month", ["2025-1", "2025-13", "January", "0001-01"])
def test_a_month_is_written_with_its_year(month: str):
    customer()
    with pytest.raises((SystemExit, Exception), match="month"):
        call_command("report", "--customer", "Practice", "--month", month)
