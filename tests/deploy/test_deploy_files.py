"""The files for deploying say what is so: settings, commands and paths that exist, and nobody runs with more rights
than they need."""

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from django.core.management import get_commands, load_command_class

from payerwatch.__main__ import offered_commands
from payerwatch.config import env
from payerwatch.release.__main__ import parse
from payerwatch.release.layout import Layout
from payerwatch.release.processes import WEB, WORK, Detached
from tests.deploy.reading import (
    DEPLOY,
    ROOT,
    UNITS,
    WORKFLOWS,
    commands,
    document,
    instructions,
    of_ours,
    services,
    sources,
    steps,
    unit,
)  # fmt: skip

pytestmark = pytest.mark.pure

PLACE = Layout(Path("/opt/payerwatch"))
FILES = sorted(path for folder in (DEPLOY, WORKFLOWS) for path in folder.rglob("*") if path.is_file())
HARDENED = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "CapabilityBoundingSet=",
)


def name_of(words: list[str]) -> str:
    return " ".join(words[:2])


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Commands and settings


@pytest.mark.parametrize("words", commands(), ids=name_of)
def test_every_command_that_is_called_exists_with_its_options(words: list[str]):
    assert words[0] in offered_commands()
    parser = load_command_class(get_commands()[words[0]], words[0]).create_parser("payerwatch", words[0])
    parser.parse_args(words[1:])


def test_every_setting_that_is_given_is_read():
    told = {name for each in of_ours().values() for name in each["environment"]}
    told |= {word.split("=")[0] for line in instructions("ENV") for word in shlex.split(line)}
    told |= {
        word.split("=")[0] for path in UNITS for line in unit(path).get("Environment", ()) for word in shlex.split(line)
    }
    ours = {name for name in told if name.startswith("PAYERWATCH_") or name.endswith("DATABASE_URL")}
    assert {"DATABASE_URL", "PAYERWATCH_BUILD", "PAYERWATCH_DATA_DIR"} <= ours
    assert ours - set(env.VARIABLES) == set()


def test_the_example_names_what_the_compose_file_asks_for():
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yml").read_text()))
    assert asked == set(re.findall(r"^(\w+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_registry_is_named(path: Path):
    assert not re.search(r"docker\.io|ghcr\.io|quay\.io|gcr\.io|pypi\.|registry\.|index-url", path.read_text())


# Containers


@pytest.mark.parametrize("name", services())
def test_a_service_runs_without_rights_on_a_file_system_that_it_cannot_write(name: str):
    service = services()[name]
    assert service["user"].split(":")[0] not in {"", "0", "root"}
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


def test_images_are_of_a_known_version():
    named = [each["image"] for each in services().values() if "build" not in each]
    named += [line.split()[0] for line in instructions("FROM")]
    assert len(named) == 4
    assert all(re.fullmatch(r"[a-z]+:\d[\w.-]*", each) for each in named)


def test_the_tables_are_there_before_anybody_needs_them():
    for name in ("web", "work"):
        assert services()[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services()["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services()["migrate"]["restart"] == "no"


def test_who_owns_the_tables_is_told_to_what_ends_by_itself_and_nobody_can_ask():
    """Whoever holds that address can pass over row policies: `migrate`, and what restores."""
    migrators = {name for name, each in of_ours().items() if "MIGRATOR_DATABASE_URL" in each["environment"]}
    assert migrators == {"migrate", "verify"}
    for name in migrators:
        assert services()[name]["restart"] == "no"
        assert "ports" not in services()[name]


def test_the_image_runs_as_nobody_in_particular_and_is_made_of_what_is_there():
    assert instructions("USER") == ["10001"]
    assert "useradd --uid 10001" in " ".join(instructions("RUN"))
    assert of_ours()["web"]["user"] == "10001"
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = {each for line in instructions("COPY") if "--from" not in line for each in line.split()[:-1]}
    assert copied == let_in
    assert all((ROOT / each).exists() for each in copied)


def test_what_is_mounted_into_containers_is_there():
    for service in services().values():
        for source in sources(service):
            assert not source.startswith(".") or (DEPLOY / source).exists()
    declared = set(document(DEPLOY / "compose.yml")["volumes"])
    used = {each for service in services().values() for each in sources(service)}
    assert declared == {each for each in used if re.fullmatch(r"\w+", each)}


# One machine, two builds


def test_units_use_the_paths_of_a_release():
    web, work = (unit(DEPLOY / "systemd" / f"payerwatch-{part}@.service") for part in (WEB, WORK))
    started = Detached(PLACE, {})
    for part, found in ((WEB, web), (WORK, work)):
        command, *words = found["ExecStart"][0].replace("%i", "b1").split()
        assert command == str(PLACE.command("b1"))
        assert words[: len(started.options("b1", part))] == started.options("b1", part)
    assert f"{PLACE.root}/releases/%i/unit.env" in work["EnvironmentFile"]


def test_how_long_what_ends_may_take_is_what_the_document_says():
    """With --systemd it is the units that say it."""
    told = (ROOT / "docs" / "releasing.md").read_text()
    web, work = (unit(DEPLOY / "systemd" / f"payerwatch-{part}@.service")["TimeoutStopSec"][0] for part in (WEB, WORK))
    assert f"(`TimeoutStopSec`, {web} s for the server and {work} for a worker)" in told


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_without_rights(path: Path):
    lines = path.read_text().splitlines()
    assert unit(path)["User"] == ["payerwatch"]
    assert [each for each in HARDENED if each not in lines] == []
    assert ("MIGRATOR" in path.read_text() or "migrator.env" in path.read_text()) == ("migrate" in path.name)


@pytest.mark.parametrize("part", [WEB, WORK])
def test_what_runs_is_started_again_for_as_long_as_the_database_is_away(part: str):
    """And begins after one that is on the same machine."""
    found = unit(DEPLOY / "systemd" / f"payerwatch-{part}@.service")
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert "StartLimitBurst" not in found
    assert "postgresql.service" in found["After"][0].split()
    assert not {"Requires", "BindsTo"} & set(found)


def test_the_proxy_asks_where_a_release_leads_it():
    assert f"server unix:{PLACE.front};" in (DEPLOY / "nginx" / "payerwatch.conf").read_text()
    assert "server web:8000 " in (DEPLOY / "nginx" / "compose.conf").read_text()
    assert "0.0.0.0:8000" in commands()[-1]
    for name in ("payerwatch.conf", "compose.conf"):
        assert "include payerwatch.server;" in (DEPLOY / "nginx" / name).read_text()


def test_the_proxy_keeps_metrics_and_readiness_to_the_machine():
    served = (DEPLOY / "nginx" / "payerwatch.server").read_text()
    for address in ("/metrics", "/readyz"):
        assert re.search(rf"location = {address} +{{ deny all; }}", served)


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_can_be_read_by_any_shell(path: Path):
    assert path.stat().st_mode & 0o111
    done = subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# Workflows


def test_ci_passes_what_a_change_must_pass_and_keeps_what_the_load_test_measured():
    found = steps("ci")
    assert {"run": ".ci/run"} in found
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    [kept] = [step for step in found if "upload-artifact" in step.get("uses", "")]
    assert kept["with"]["path"] == "loadtest/results/"
    assert kept["with"]["if-no-files-found"] == "error"
    assert kept["if"] == "always()"


def test_ci_has_the_programs_without_which_tests_would_be_skipped():
    """Each that scripts/get_program.sh would unpack, by the system's package of it; and no service listens for it."""
    found = [step.get("run", "") for step in steps("ci")]
    installs, stops = found[found.index(".ci/run") - 1].splitlines()
    fetched = re.findall(r"get_program\.sh \S+ \S+ (\S+)", (ROOT / "Makefile").read_text())
    assert len(fetched) == 2
    asked = "sudo apt-get update && sudo apt-get install --yes --no-install-recommends "
    assert installs.startswith(asked)
    assert installs.removeprefix(asked).split() == fetched
    assert stops.split() == ["sudo", "systemctl", "disable", "--now", *fetched]


def test_after_each_deployment_its_health_is_asked_for_with_the_times_of_production():
    check = script("rollback_check")
    lines = [line for step in steps("deploy") for line in step.get("run", "").splitlines() if "rollback_check" in line]
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(re.sub(r"\$(\w+)", r"\1", line))
        assert words[:2] == ["python", "scripts/rollback_check.py"]
        options = check.parse([each.replace("https://HOST", "https://example.org") for each in words[2:]])
        assert (options.timeout, options.retries, options.retry_delay) == check.IN_PRODUCTION == (60, 5, 15)
        assert options.expect_build


def test_what_a_deployment_asks_of_the_release_exists():
    said = document(WORKFLOWS / "deploy.yml")["jobs"]["deploy"]["env"]["RELEASE"].split()
    assert said[:2] == ["sudo", f"{PLACE.current}/bin/payerwatch-release"]
    runs = [step["run"] for step in steps("deploy") if "$RELEASE" in step.get("run", "")]
    calls = [call for run in runs for call in re.findall(r'"\$RELEASE ([^"]*)"', run)]
    assert [call.split()[0] for call in calls] == ["status", "switch", "switch"]
    for call in calls:
        assert parse([*said[2:], *shlex.split(call)]).systemd


def test_it_is_checked_after_the_switch_and_taken_back_where_it_fails():
    names = [step.get("name") for step in steps("deploy")]
    assert names[-3:] == ["Switch", "Check, from outside", "Roll back"]
    switched, checked, back = steps("deploy")[-3:]
    assert "if" not in switched
    assert "if" not in checked
    assert checked["id"] == "check"
    asked, named = back["if"].rsplit(" && ", 1)
    assert asked == "failure() && steps.check.outcome == 'failure'"
    assert named == "steps.before.outputs.build != 'none'"
    assert back["env"] == {"BEFORE": "${{ steps.before.outputs.build }}"}
