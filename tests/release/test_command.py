"""The command `payerwatch-release` itself: what is typed, what is read, and how it ends."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from payerwatch.release import layout as layout_module
from payerwatch.release.layout import Layout, Unfinished
from tests.release.builds import install

pytestmark = pytest.mark.pure


def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    others = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    command = [sys.executable, "-m", "payerwatch.release", "--root", str(root), *arguments]
    return subprocess.run(command, env=others | environment, capture_output=True, text=True, check=False)


def test_the_state_of_things_is_told(tmp_path: Path):
    install(tmp_path, "b1")
    install(tmp_path, "b2")
    assert run(tmp_path, "status").stdout == "Used: none\nb1: does not run\nb2: does not run\n"
    layout = Layout(tmp_path)
    layout.use("b2")
    layout.note(Unfinished("b1", "b2"))
    assert told_of_releases(tmp_path) == ["The release of b1 was interrupted. The next switch takes it up first."]


def test_a_release_that_is_under_way_is_told_from_one_that_was_interrupted(tmp_path: Path):
    """By the lock, which whoever only looks does not keep from whoever releases."""
    layout = Layout(tmp_path)
    with layout.locked():
        assert told_of_releases(tmp_path) == ["A release is under way."]
        layout.note(Unfinished("b1", "b2"))
        assert told_of_releases(tmp_path) == ["The release of b1 is under way."]
    assert told_of_releases(tmp_path) == ["The release of b1 was interrupted. The next switch takes it up first."]
    layout.note(None)
    assert told_of_releases(tmp_path) == []


def test_whoever_looks_meanwhile_keeps_no_release_from_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layout_module, "LOOKED_AT_WITHIN", 60.0)
    layout = Layout(tmp_path)
    with layout.locked():
        pass
    with (tmp_path / "release.lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.1, looking.close).start()
        with layout.locked():
            assert layout.is_locked()


def told_of_releases(root: Path) -> list[str]:
    return [line for line in run(root, "status").stdout.splitlines() if "elease" in line]


def test_on_sqlite_it_says_what_to_do_instead(tmp_path: Path):
    install(tmp_path, "b1")
    done = run(tmp_path, "switch", "b1")
    assert done.returncode == 1, done
    assert done.stdout.startswith("Refused: Two builds can run beside each other on PostgreSQL alone")


@pytest.mark.parametrize("option", ["--env-file", "--migrator-env-file"])
def test_settings_that_cannot_be_read_are_named(tmp_path: Path, option: str):
    done = run(tmp_path, option, "/none", "status")
    assert (done.returncode, done.stdout) == (1, "Refused: /none cannot be read: No such file or directory.\n")


def test_settings_are_read_as_a_shell_would(tmp_path: Path):
    """The address of the database among them: without it, it would be refused for SQLite."""
    settings = tmp_path / "settings.env"
    settings.write_text("# ours\n\nexport DATABASE_URL='postgresql://a:b@127.0.0.1:1/c'  # there\nOTHER=\"x y\"\n")
    done = run(tmp_path, "--env-file", str(settings), "switch", "b1")
    assert done.stdout == f"Refused: There is no build b1: {tmp_path}/releases/b1/bin/payerwatch cannot be run.\n"


@pytest.mark.parametrize("value", ["O'Brien <secret@example.org>", '"secret', "secret\\"])
def test_a_line_of_settings_that_cannot_be_read_is_named_and_not_repeated(tmp_path: Path, value: str):
    settings = tmp_path / "settings.env"
    settings.write_text(f"\n# ours\nPAYERWATCH_HTTPS=yes\nPAYERWATCH_MAIL_FROM={value}\n")
    done = run(tmp_path, "--env-file", str(settings), "status")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"Refused: {settings}, line 4 cannot be read: ")
    assert "secret" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("switch",),
        ("roll-back",),
        ("switch", "b1", "--watch-seconds", "nan"),
        ("finish", "b1"),
        ("--serve-options", "'", "status"),
    ],
)
def test_what_is_not_understood_ends_with_two(tmp_path: Path, words: tuple[str, ...]):
    assert run(tmp_path, *words).returncode == 2


def test_that_nobody_listens_any_more_is_no_fault(tmp_path: Path):
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "payerwatch.release", "--root", str(tmp_path), "status"]
    try:
        done = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writes)
    assert (done.returncode, done.stderr) == (0, "")
