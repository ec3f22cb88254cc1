"""What a release asks of systemd, where it is the one that starts processes."""

import string
from pathlib import Path

import pytest

from payerwatch.release.layout import BUILD, Layout
from payerwatch.release.processes import WEB, WORK
from payerwatch.release.refusals import ReleaseRefused, Trouble
from payerwatch.release.units import Units
from tests.release.builds import install

pytestmark = pytest.mark.pure

# Units that are enabled are files in $STATE, and those that fail are named in $STATE/failing. What a file says is the
# state of its unit; one that says nothing is active.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>"$STATE/asked"
for unit do :; done
case "$1" in
  is-active) state=inactive; [ ! -e "$STATE/$unit" ] || read -r state <"$STATE/$unit" || state=active
    echo "$state"; [ "$state" = active ] || exit 3 ;;
  disable) rm -f "$STATE/$unit" ;;
  *) if grep -qsx "$unit" "$STATE/failing"; then echo "Job for $unit failed." >&2; exit 1; fi; touch "$STATE/$unit" ;;
esac
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    command = tmp_path / "bin" / "systemctl"
    command.parent.mkdir()
    command.write_text(SYSTEMCTL)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=":")
    monkeypatch.setenv("STATE", str(tmp_path))
    return tmp_path


@pytest.fixture
def units(state: Path) -> Units:
    for build in ("b1", "b2", "b3"):
        install(state, build)
    return Units(Layout(state))


def asked(state: Path) -> list[str]:
    lines = (state / "asked").read_text().splitlines()
    return [line for line in lines if not line.startswith("is-active")]


def test_what_is_started_starts_again_with_the_machine_and_what_is_stopped_does_not(units: Units, state: Path):
    for part in (WEB, WORK):
        units.start("b1", part)
        assert units.runs("b1", part)
        units.stop("b1", part, within=1)
        assert not units.runs("b1", part)
    assert asked(state) == [
        "enable --now payerwatch-web@b1", "disable --now payerwatch-web@b1",
        "enable --now payerwatch-work@b1", "disable --now payerwatch-work@b1",
    ]  # fmt: skip


def test_what_has_ended_and_waits_to_be_started_again_does_not_run(units: Units, state: Path):
    """As systemd says of one in `auto-restart`: a build that ends again and again is seen to have ended."""
    units.start("b1", WEB)
    assert units.runs("b1", WEB)
    (state / "payerwatch-web@b1").write_text("activating\n")
    assert not units.runs("b1", WEB)


def test_workers_of_two_builds_tell_their_metrics_at_two_addresses(units: Units, state: Path):
    told = state / "releases" / "b1" / "unit.env", state / "releases" / "b2" / "unit.env"
    for build in ("b1", "b2"):
        units.start(build, WORK)
    assert [file.read_text() for file in told] == ["WORK_METRICS=127.0.0.1:9464\n", "WORK_METRICS=127.0.0.1:9465\n"]
    units.start("b1", WORK)
    assert told[0].read_text() == "WORK_METRICS=127.0.0.1:9464\n"
    units.stop("b1", WORK, within=1)
    units.start("b3", WORK)
    assert (state / "releases" / "b3" / "unit.env").read_text() == "WORK_METRICS=127.0.0.1:9464\n"


@pytest.mark.parametrize(("before", "unit"), [(True, "payerwatch-migrate@b1"), (False, "payerwatch-migrate-all@b1")])
def test_migrations_that_fail_refuse_the_release_and_say_where_to_look(
    units: Units, state: Path, before: bool, unit: str
):
    units.migrate("b1", before=before)
    (state / "failing").write_text(unit)
    with pytest.raises(ReleaseRefused, match=f"journalctl --unit {unit}"):
        units.migrate("b1", before=before)


def test_what_systemd_does_not_start_is_trouble(units: Units, state: Path):
    (state / "failing").write_text("payerwatch-web@b1")
    with pytest.raises(Trouble, match=r"Job for payerwatch-web@b1 failed\."):
        units.start("b1", WEB)


def test_where_a_unit_has_said_something_is_a_command(units: Units):
    assert units.where_told("b1", WEB) == "See: journalctl --unit payerwatch-web@b1"


def test_a_builds_name_is_one_that_systemd_leaves_as_it_is():
    """Of a unit's name it escapes all but these (systemd.unit(5)), and %i would be another directory."""
    left_alone = set(string.ascii_letters + string.digits + ":-_.\\")
    assert {each for each in string.printable if BUILD.fullmatch(f"b{each}")} <= left_alone
