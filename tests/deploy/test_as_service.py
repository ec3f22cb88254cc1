"""`payerwatch` on a machine: which program it runs, as whom, and with which settings."""

import getpass
import os
import subprocess
from pathlib import Path

import pytest

from tests.deploy.reading import DEPLOY, UNITS, unit

pytestmark = pytest.mark.pure

# In the place of systemd-run: each word on a line of its own, and an end of our choosing.
SYSTEMD_RUN = """#!/bin/sh
printf '%s\\n' "$@" >"$NOTES"
exit "${ENDS:-0}"
"""
SETTINGS, MIGRATOR, BACKUP = (f"--property=EnvironmentFile=/etc/payerwatch/{name}.env" for name in (
    "settings", "migrator", "backup",
))  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """With two builds, of which b1 is used, and the script as it is but for where it looks."""
    text = (DEPLOY / "payerwatch-as-service.sh").read_text()
    script = tmp_path / "payerwatch"
    script.write_text(text.replace("/opt/payerwatch", f"{tmp_path}/opt").replace("/etc/payerwatch", f"{tmp_path}/etc"))
    systemd_run = tmp_path / "bin" / "systemd-run"
    systemd_run.parent.mkdir()
    systemd_run.write_text(SYSTEMD_RUN)
    (tmp_path / "etc").mkdir()
    for name in ("settings", "migrator", "backup"):
        (tmp_path / "etc" / f"{name}.env").touch()
    for build in ("b1", "b2"):
        (tmp_path / "opt" / "releases" / build / "bin").mkdir(parents=True)
        (tmp_path / "opt" / "releases" / build / "bin" / "payerwatch").touch(0o755)
    (tmp_path / "opt" / "current").symlink_to("releases/b1")
    for each in (script, systemd_run):
        each.chmod(0o755)
    return tmp_path


def run(machine: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = os.environ | {"PATH": f"{machine / 'bin'}:{os.environ['PATH']}", "NOTES": str(machine / "notes")}
    told.pop("SUDO_USER", None)
    command = [machine / "payerwatch", *words]
    return subprocess.run(command, env=told | environment, capture_output=True, text=True, check=False)


def asked(machine: Path) -> tuple[list[str], str, list[str]]:
    """What systemd was asked: its options, the program, and the program's words."""
    lines = (machine / "notes").read_text().replace(f"{machine}/opt", "/opt/payerwatch")
    words = lines.replace(f"{machine}/etc", "/etc/payerwatch").splitlines()
    at = next(place for place, word in enumerate(words) if not word.startswith("--"))
    return words[:at], words[at], words[at + 1 :]


def test_a_command_is_one_of_the_build_that_is_used_and_has_the_settings_of_its_units(machine: Path):
    assert run(machine, "add_customer", "Our own practice").returncode == 0
    options, program, words = asked(machine)
    assert (program, words) == ("/opt/payerwatch/current/bin/payerwatch", ["add_customer", "Our own practice"])
    assert {"--uid=payerwatch", "--gid=payerwatch", "--pty", "--pipe", "--wait", "--collect"} <= set(options)
    assert [each for each in options if "EnvironmentFile" in each] == [SETTINGS]


def test_before_the_first_switch_a_build_is_named(machine: Path):
    (machine / "opt" / "current").unlink()
    done = run(machine, "add_customer", "Ours")
    assert done.returncode == 2
    assert "Name a build that is installed: payerwatch --build BUILD add_customer" in done.stderr
    assert run(machine, "--build", "b2", "--with", "migrator", "migrate").returncode == 0
    options, program, words = asked(machine)
    assert (program, words) == ("/opt/payerwatch/releases/b2/bin/payerwatch", ["migrate"])
    assert [each for each in options if "EnvironmentFile" in each] == [SETTINGS, MIGRATOR]


@pytest.mark.parametrize(
    ("path", "names"),
    [("payerwatch-migrate@.service", ["migrator"]), ("payerwatch-backup.service", ["backup"])],
)
def test_it_is_told_what_the_unit_that_does_the_same_is_told(machine: Path, path: str, names: list[str]):
    [found] = [each for each in UNITS if each.name == path]
    run(machine, *(word for name in names for word in ("--with", name)), "check")
    options = [each for each in asked(machine)[0] if "EnvironmentFile" in each]
    assert [each.split("=", 2)[2] for each in options] == unit(found)["EnvironmentFile"]


def test_several_are_told_beside_one_another(machine: Path):
    run(machine, "--with", "migrator", "--with", "backup", "verify_backup", "/var/backups/payerwatch/f.backup")
    assert [each for each in asked(machine)[0] if "EnvironmentFile" in each] == [SETTINGS, MIGRATOR, BACKUP]


def test_words_reach_the_command_as_they_were_typed(machine: Path):
    """Where systemd would put values in the place of names, it is told not to: by its manual, $$ is $."""
    words = ["", "a b", "'", '"', "*", "100%", "$HOME", "${USER} $$", "--with", "two\nlines"]
    run(machine, "add_customer", *words)
    (machine / "notes").write_text((machine / "notes").read_text().replace("two\nlines", "two lines"))
    found = asked(machine)[2][1:]
    assert [each.replace("$$", "$") for each in found] == [each.replace("\n", " ") for each in words]
    assert found[6:8] == ["$$HOME", "$${USER} $$$$"]


def test_how_it_ends_is_how_the_command_ends(machine: Path):
    assert run(machine, "check", ENDS="3").returncode == 3


def test_the_record_names_whoever_ran_it(machine: Path, monkeypatch: pytest.MonkeyPatch):
    """As `getpass` has it, by which commands know."""
    run(machine, "check", SUDO_USER="ada")
    [told] = [each.split("=", 1)[1] for each in asked(machine)[0] if each.startswith("--setenv=")]
    name, _, value = told.partition("=")
    monkeypatch.setenv("USER", "payerwatch")
    monkeypatch.setenv(name, value)
    assert getpass.getuser() == "ada"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "payerwatch help lists the commands"),
        (("--build", "b1"), "payerwatch help lists the commands"),
        (("--build", "../b1", "check"), "A build's name is of"),
        (("--build", "b9", "check"), "/opt/releases/b9/bin/payerwatch is not there"),
        (("--with", "../shadow", "check"), "Settings are named as their file is"),
        (("--with", "none", "check"), "/etc/none.env is not there"),
    ],
)
def test_what_is_not_understood_runs_nothing(machine: Path, words: tuple[str, ...], said: str):
    done = run(machine, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (machine / "notes").exists()
