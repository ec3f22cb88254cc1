"""What the `payerwatch` command says when it cannot do what is asked: one document with --json, never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from payerwatch import __main__
from payerwatch.operations.command import Answer, PayerwatchCommand
from payerwatch.operations.management.commands import add_customer
from tests.make import answer, customer, words

COMMAND = [sys.executable, "-m", "payerwatch"]


def environment(folder: Path, **changes: str) -> dict[str, str]:
    left_out = {"DATABASE_URL", "MIGRATOR_DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"PAYERWATCH_DATA_DIR": str(folder / "data")} | changes


def run(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(folder, **changes),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def error_of(done: subprocess.CompletedProcess[str], code: int) -> Any:
    """The error on stdout, which is one document, after checking that nobody sees a traceback."""
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)["error"]


@pytest.mark.pure
@pytest.mark.parametrize("arguments", [["help"], ["events", "--customer", "A"], ["migrate"]])
def test_an_address_that_cannot_be_read_is_one_clear_message(tmp_path: Path, arguments: list[str]):
    url = "postgresql://app:hidden@db.example:port/payerwatch"
    said = run(tmp_path, *arguments, DATABASE_URL=url)
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith("Refused: DATABASE_URL cannot be read.")
    assert said.stderr.count("\n") == 1
    error = error_of(run(tmp_path, *arguments, "--json", DATABASE_URL=url), 1)
    assert error["code"] == "settings_unusable"
    assert "hidden" not in str(error)


@pytest.mark.pure
@pytest.mark.parametrize("command", ["events", "migrate"])
def test_a_server_that_does_not_answer_is_an_error_document(tmp_path: Path, command: str):
    nowhere = str(tmp_path).replace("/", "%2F")
    urls = {
        "DATABASE_URL": f"postgresql://app@{nowhere}/x",
        "MIGRATOR_DATABASE_URL": f"postgresql://migrator@{nowhere}/x",
    }
    named = ["--customer", "A"] if command == "events" else []
    assert error_of(run(tmp_path, command, *named, "--json", **urls), 1)["code"]


@pytest.mark.database
@pytest.mark.postgresql
@pytest.mark.parametrize("command", ["events", "add_customer"])
def test_a_role_above_policies_is_refused_with_a_document(tmp_path: Path, command: str):
    given = urlsplit(os.environ["DATABASE_URL"])
    superuser = given._replace(netloc="postgres@" + given.netloc.rpartition("@")[2]).geturl()
    named = ["--customer", "A"] if command == "events" else ["A"]
    error = error_of(run(tmp_path, command, *named, "--json", DATABASE_URL=superuser), 1)
    assert error["code"] == "settings_unusable"
    assert "is a superuser" in error["message"]


@pytest.mark.pure
@pytest.mark.parametrize(
    "arguments",
    [
        ["detect", "--customer", "A", "--as-of", "0001-01-01"],
        ["detect", "--customer", "A", "--as-of", "1989-12-31"],
        ["sample", "out", "--until", "9999-12-31"],
        ["demo", "--until", "2101-01-01"],
        ["load", "--customer", "A"],
        ["migrate", "--nonsense"],
        ["detekt"],
        ["--json", "detect"],
    ],
)
def test_a_usage_error_is_one_document_and_a_word_on_stderr(tmp_path: Path, arguments: list[str]):
    done = run(tmp_path, *dict.fromkeys([*arguments, "--json"]))
    error = error_of(done, 2)
    assert error["code"] == "usage"
    assert error["message"] in done.stderr
    assert set(error) == {"code", "message", "where", "fix"}
    assert not (tmp_path / "data").exists()


@pytest.mark.pure
def test_an_unknown_command_is_answered_with_the_one_that_was_meant(tmp_path: Path):
    assert error_of(run(tmp_path, "explan", "--json"), 2)["fix"] == "Did you mean explain?"


@pytest.mark.pure
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_interrupted_it_says_so_and_promises_no_more_than_is_true(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
):
    def interrupted(_commands: __main__.Commands) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["payerwatch", "demo", *options])
    monkeypatch.setattr(__main__.Commands, "execute", interrupted)
    with pytest.raises(SystemExit) as end:
        __main__.main()
    said, complained = capsys.readouterr()
    assert end.value.code == 130
    assert complained == "Interrupted. What was not finished was not stored.\n"
    assert (json.loads(said)["error"]["code"] == "interrupted") if options else (said == "")


@pytest.mark.pure
def test_paths_are_printed_as_they_are(tmp_path: Path):
    odd = tmp_path / "x[" / "a]y[bold]:cat:"
    done = run(tmp_path, "sample", str(odd), "--weeks", "2", "--claims-per-week", "5")
    assert done.returncode == 0, done.stderr
    assert str(odd / "claims.csv") in done.stdout
    assert str(odd / "truth.json") in done.stdout


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["A [/b] practice", "A [red] practice :cat:"])
def test_a_customers_name_is_printed_as_it_is(name: str):
    said = words("add_customer", name, customer=None)
    assert f"Added {name}. Next: payerwatch load FILE --customer '{name}'" in said
    assert answer("series", customer=name).document == []


@pytest.mark.django_db
def test_a_name_is_quoted_for_the_shell():
    assert """--customer 'Dr. "$HOME" practice'""" in words("add_customer", 'Dr. "$HOME" practice', customer=None)


@pytest.mark.django_db
def test_an_interrupted_command_exits_with_130(monkeypatch: pytest.MonkeyPatch):
    customer()

    def interrupted(self: PayerwatchCommand, **options: Any) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr(add_customer.Command, "answer", interrupted)
    assert words("add_customer", "B", customer=None) == "Interrupted. What was not finished was not stored."
    heard = answer("add_customer", "B", customer=None)
    assert heard.code == 130
    assert heard.document["error"]["code"] == "interrupted"
