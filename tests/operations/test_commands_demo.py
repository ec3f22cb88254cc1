"""`demo` on what an earlier one left, and the commands it says to try next."""

import sys
from pathlib import Path

import pytest

from payerwatch.operations import demo_practice
from payerwatch.operations.command import program
from payerwatch.operations.management.commands import demo
from tests.make import answer, claims_file, customer, row, words

UNTIL = "2026-03-04"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> Path:
    """A practice small enough to be drawn often; the directory of its files."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(demo_practice, "WEEKS", 12)
    monkeypatch.setattr(demo_practice, "CLAIMS_PER_WEEK", 60)
    monkeypatch.setattr(demo, "WEEKS_JUDGED", 1)
    return tmp_path / "demo"


def show(*options: str):
    shown = answer("demo", *options, customer=None)
    assert shown.code == 0, shown.document
    return shown.document


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lost", [["truth.json"], ["claims.csv"], ["claims.csv", "truth.json"]])
def test_files_that_are_gone_are_drawn_again_as_they_were(small: Path, lost: list[str]):
    assert show("--until", UNTIL)["notes"] == []
    before = {path.name: path.read_bytes() for path in small.iterdir()}
    for name in lost:
        (small / name).unlink()
    assert show()["notes"] == [f"The demo practice is loaded already, up to {UNTIL}."]
    assert {path.name: path.read_bytes() for path in small.iterdir()} == before


@pytest.mark.django_db(transaction=True)
def test_another_day_than_what_is_loaded_is_not_passed_over_in_silence(small: Path):
    show("--until", UNTIL)
    note = show("--until", "2026-03-01")["notes"][0]
    assert note.startswith(f"The demo practice is loaded already, up to {UNTIL}. --until 2026-03-01 was not used.")
    undo = note.partition("payerwatch undo ")[2].split()[0]
    assert answer("undo", undo, customer=demo.CUSTOMER).code == 0
    assert show("--until", "2026-03-01")["notes"] == []
    assert demo_practice.truth_in(small)["until"] == "2026-03-01"


@pytest.mark.django_db(transaction=True)
def test_a_customer_of_that_name_with_files_of_its_own_is_shown_without_a_truth(small: Path, tmp_path: Path):
    customer(demo.CUSTOMER)
    assert answer("load", claims_file(tmp_path, [row()]), customer=demo.CUSTOMER).code == 0
    assert "What was put into" not in words("demo", customer=None)
    assert list(small.iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_a_practice_cannot_end_in_the_future():
    refused = answer("demo", "--until", "2099-12-31", customer=None)
    assert refused.error["code"] == "sample_in_future"


@pytest.mark.pure
def test_the_command_is_named_as_it_was_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    script = tmp_path / "my bin" / "payerwatch"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    for started, named in [
        (".venv/bin/payerwatch", ".venv/bin/payerwatch"),
        (str(script), f"'{script}'"),
        ("/lib/payerwatch/__main__.py", f"{sys.executable} -m payerwatch"),
        ("/bin/pytest", "payerwatch"),
    ]:
        monkeypatch.setattr(sys, "argv", [started])
        assert program() == named
    monkeypatch.setenv("PATH", str(script.parent))
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert program() == "payerwatch"


@pytest.mark.django_db(transaction=True)
def test_what_to_try_next_can_be_pasted_into_a_shell(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["/some where/bin/payerwatch"])
    said = words("demo", "--until", UNTIL, customer=None)
    assert "'/some where/bin/payerwatch' series --customer 'Demo practice'" in said
