"""The way from an empty machine to a build that is used can be walked as the documents say: each thing is there before
it is needed."""

import re
import shlex

import pytest

from payerwatch.config import env
from tests.deploy.reading import ROOT, UNITS, unit

pytestmark = pytest.mark.pure

OPERATING, RELEASING = ((ROOT / "docs" / f"{name}.md").read_text() for name in ("operating", "releasing"))
FIRST = OPERATING.partition("## First set-up")[2].partition("## Every day")[0]
LAID_OUT = RELEASING.partition("## Lay out a machine")[2].partition("## Release\n")[0]
SETTINGS = re.findall(r"```sh\n((?:#.*\n|[A-Z_]+=.*\n)+)```", OPERATING)

WALKED = (
    "useradd --system",
    "| payerwatch-install-build BUILD",
    "CREATE ROLE payerwatch_migrator",
    "install -m 600 /dev/null /etc/payerwatch/settings.env",
    "`/etc/payerwatch/migrator.env`",
    "payerwatch --build BUILD --with migrator migrate",
    "payerwatch --build BUILD add_customer",
    "payerwatch --build BUILD issue_key",
    "payerwatch-release --systemd switch BUILD --key-file /etc/payerwatch/release.key",
)


def test_nothing_is_needed_before_it_is_there():
    steps = FIRST.partition("**5. A proxy in front**")[0] + LAID_OUT
    places = [steps.find(each) for each in WALKED]
    assert -1 not in places, WALKED[places.index(-1)]
    assert places == sorted(places)


def test_until_a_build_is_used_every_command_names_one():
    steps = FIRST.partition("**7.")[0] + LAID_OUT.partition("From here on")[0]
    called = re.findall(r"^payerwatch .*", steps, re.MULTILINE)
    assert len(called) > 2
    assert all(each.startswith("payerwatch --build BUILD ") for each in called)


def test_the_command_is_installed_under_the_name_that_is_used():
    assert "install deploy/payerwatch-as-service.sh /usr/local/bin/payerwatch\n" in FIRST
    assert "install deploy/install-build.sh /usr/local/bin/payerwatch-install-build\n" in FIRST


def test_every_file_and_directory_that_units_need_is_made():
    """Files of settings by whoever sets up, directories for the user payerwatch alone, or its group."""
    read = {each for path in UNITS for each in unit(path)["EnvironmentFile"] if each.startswith("/etc")}
    assert read == {f"/etc/payerwatch/{name}.env" for name in ("settings", "migrator", "backup")}
    assert all(each in FIRST for each in read)
    made = {}
    for line in re.findall(r"^install -d (.*)$", FIRST, re.MULTILINE):
        words = shlex.split(line)
        made |= {word: words for word in words if word.startswith("/")}
    for path in UNITS:
        for place in unit(path)["ReadWritePaths"][0].split():
            assert {"payerwatch", "-o", "-m"} <= set(made[place]), place
            assert made[place][made[place].index("-m") + 1] in ("700", "750")


def test_backups_are_made_each_night():
    [unit_of_time] = re.findall(r"systemctl enable --now (\S+)`", FIRST)
    assert (ROOT / "deploy" / "systemd" / unit_of_time).exists()


@pytest.mark.parametrize("block", SETTINGS, ids=lambda block: block.split("=")[0])
def test_settings_mean_the_same_to_whoever_reads_them(block: str):
    """To systemd a remark behind a value is part of it, and a shell works out what stands in no quotes."""
    for line in block.splitlines():
        if not line.startswith("#"):
            assert " #" not in line
            assert len(shlex.split(line)) == 1
            assert line.partition("=")[0] in env.VARIABLES


def test_settings_are_found():
    assert {line.partition("=")[0] for block in SETTINGS for line in block.splitlines()} >= {
        "DATABASE_URL", "MIGRATOR_DATABASE_URL", "PAYERWATCH_BACKUP_KEY", "PAYERWATCH_FIELD_KEYS",
    }  # fmt: skip
