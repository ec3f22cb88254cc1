"""Processes that outlast the one that starts them, and what is known of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from payerwatch.release.layout import Layout
from payerwatch.release.processes import PARTS, WEB, WORK, Detached
from payerwatch.release.refusals import ReleaseRefused
from tests.release.builds import ROOT

pytestmark = pytest.mark.pure

LASTS = 'echo "$PAYERWATCH_BUILD $*"; exec sleep 600'
STARTS_ANOTHER = "sleep 600 & echo begun; wait"
DOES_NOT_HEAR = "trap '' TERM; echo begun; sleep 600 & while :; do wait; done"
START_AND_BE_KILLED = """
import os, signal, sys
from pathlib import Path
from payerwatch.release.layout import Layout
from payerwatch.release.processes import Detached
Detached(Layout(Path(sys.argv[1])), dict(os.environ)).start("b1", "web")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Detached]:
    layout = Layout(tmp_path)
    with layout.locked():
        there = Detached(layout, {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src")})
        yield there
        for part in PARTS:
            there.stop("b1", part, within=0)


def install(processes: Detached, script: str) -> None:
    command = processes.layout.command("b1")
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)


def log_of(processes: Detached, part: str) -> str:
    return processes.layout.log("b1", part).read_text()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_is_started_runs_once_knows_its_build_and_ends_when_told(processes: Detached):
    install(processes, LASTS)
    assert not processes.runs("b1", WORK)
    for _ in range(2):
        processes.start("b1", WORK)
    assert processes.runs("b1", WORK)
    assert not processes.runs("b1", WEB)
    wait_until(lambda: log_of(processes, WORK) == f"b1 work --alive-file {processes.layout.root}/run/b1.work\n")
    processes.stop("b1", WORK, within=10)
    assert not processes.runs("b1", WORK)
    processes.stop("b1", WORK, within=10)


def test_what_ends_by_itself_runs_no_more_and_is_started_again(processes: Detached):
    install(processes, "exit 3")
    processes.start("b1", WEB)
    wait_until(lambda: not processes.runs("b1", WEB))
    install(processes, LASTS)
    processes.start("b1", WEB)
    assert processes.runs("b1", WEB)


SAID: dict[str, tuple[str, str]] = {
    "a refusal": ("echo 'older'; printf 'Refused: It is not fit.\\nNo key.\\n'", "Refused: It is not fit.\nNo key."),
    "a mistake": ("echo 'This is a mistake in Payerwatch: KeyError.'", "This is a mistake in Payerwatch: KeyError."),
    "a line of the log": ("""echo '{"message": "It ends.", "level": "info"}'""", "It ends."),
}


@pytest.mark.parametrize("kind", SAID)
def test_where_it_has_said_what_is_told_with_the_last_words_where_they_are_ours(processes: Detached, kind: str):
    script, words = SAID[kind]
    install(processes, script)
    processes.start("b1", WEB)
    wait_until(lambda: not processes.runs("b1", WEB))
    log = processes.layout.log("b1", WEB)
    assert processes.where_told("b1", WEB) == f"Its log is {log}, and ends so:\n{words}"


NOT_OURS = {
    "nothing": "exit 3",
    "words of others": "echo 'ada@example.com has died'",
    "a trace after a refusal": "printf 'Refused: No.\\nTraceback (most recent call last):\\nKeyError: 17\\n'",
    "others after a line of the log": """printf '{"message": "a"}\\nSegmentation fault\\n'""",
}


@pytest.mark.parametrize("kind", NOT_OURS)
def test_words_that_may_hold_a_value_are_not_repeated(processes: Detached, kind: str):
    install(processes, NOT_OURS[kind])
    processes.start("b1", WEB)
    wait_until(lambda: not processes.runs("b1", WEB))
    assert processes.where_told("b1", WEB) == f"Its log is {processes.layout.log('b1', WEB)}."


def test_words_of_an_earlier_start_are_not_told(processes: Detached):
    install(processes, "echo 'Refused: Then.'")
    processes.start("b1", WEB)
    wait_until(lambda: not processes.runs("b1", WEB))
    os.utime(processes.layout.log("b1", WEB), (1, 1))  # long before: moments of files are some milliseconds long
    install(processes, "exit 3")
    processes.start("b1", WEB)
    wait_until(lambda: not processes.runs("b1", WEB))
    assert "Then" not in processes.where_told("b1", WEB)


def test_it_runs_while_any_of_those_that_it_has_started_does(processes: Detached):
    install(processes, STARTS_ANOTHER)
    processes.start("b1", WEB)
    wait_until(lambda: log_of(processes, WEB) == "begun\n")
    pid = int(processes.layout.pid_file("b1", WEB).read_text())
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not is_there(pid))
    assert processes.runs("b1", WEB)
    processes.stop("b1", WEB, within=0.1)
    assert not processes.runs("b1", WEB)


def test_what_does_not_end_when_told_is_ended_with_all_that_it_has_started(processes: Detached):
    install(processes, DOES_NOT_HEAR)
    processes.start("b1", WEB)
    wait_until(lambda: log_of(processes, WEB) == "begun\n")
    processes.stop("b1", WEB, within=0.3)
    assert not processes.runs("b1", WEB)


def test_it_outlasts_the_one_that_started_it_and_was_killed(processes: Detached):
    install(processes, LASTS)
    command = [sys.executable, "-c", START_AND_BE_KILLED, str(processes.layout.root)]
    assert subprocess.run(command, env=processes.environment, check=False).returncode == -signal.SIGKILL
    assert processes.runs("b1", WEB)
    processes.stop("b1", WEB, within=10)
    assert not processes.runs("b1", WEB)


@pytest.mark.parametrize(("before", "words"), [(True, "migrate -v 0 --before"), (False, "migrate -v 0")])
def test_migrations_that_fail_or_take_too_long_are_refused(processes: Detached, before: bool, words: str):
    install(processes, f'[ "$*" = "{words}" ] || exit 9; [ "$OWNER" = them ]')
    told = processes.environment
    Detached(processes.layout, told, {"OWNER": "them"}).migrate("b1", before=before)
    with pytest.raises(ReleaseRefused, match="Migrating failed, and nothing else was begun"):
        processes.migrate("b1", before=before)
    install(processes, "exec sleep 600")
    with pytest.raises(ReleaseRefused, match="Migrating took more than 0 seconds"):
        Detached(processes.layout, told, migrate_within=0.2).migrate("b1", before=before)
