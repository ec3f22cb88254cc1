"""The compose file as `docker compose` reads it: what each service is told, and how it reaches the database."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint_keys import put_checkpoint_key
from tests.deploy.reading import DEPLOY, document, instructions, of_ours, services

pytestmark = pytest.mark.pure

SAMPLES = {
    "PAYERWATCH_SECRET_KEY": "correct-horse-battery-staple-0123456789-abcdefghij",
    "PAYERWATCH_FIELD_KEYS": "2027:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "PAYERWATCH_HOST": "payerwatch.example.org",
    "PAYERWATCH_MAIL_URL": "smtps://user:password@mail.example.org:465",
    "PAYERWATCH_MAIL_FROM": "Payerwatch <payerwatch@example.org>",
    "PAYERWATCH_BACKUP_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}
"""In the place of what example.env leaves open; everything else may be any letters and digits."""

REFUSALS = """
import django
django.setup()
from payerwatch.operations.deploy_checks import refuses_serving
for error in refuses_serving("0.0.0.0:8000"):
    print(error.id, error.msg)
"""
SOCKET = "/run/postgresql"


def told(name: str) -> dict[str, str]:
    """The environment of a service, filled in."""
    environment: dict[str, str] = services()[name]["environment"]
    return {key: re.sub(r"\$\{(\w+):\?\}", _sample, value) for key, value in environment.items()}


def _sample(found: re.Match[str]) -> str:
    return SAMPLES.get(found[1], "0123456789abcdefghijklmnopqrstuvwxyz")


def mounts(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What is mounted in the long form, by where."""
    return {each["target"]: each for each in service["volumes"] if isinstance(each, dict)}


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    """In the place of the volumes, as `migrate` leaves them."""
    key, checkpoints = tmp_path / "data" / "checkpoint_key.pem", tmp_path / "checkpoints"
    for each in (key.parent, checkpoints):
        each.mkdir(mode=0o700)
    put_checkpoint_key(key)
    return {"PAYERWATCH_DATA_DIR": str(key.parent), "PAYERWATCH_CHECKPOINT_DIR": str(checkpoints)}


@pytest.mark.parametrize("name", of_ours())
def test_what_a_service_is_told_is_fit_for_others(name: str, data: dict[str, str]):
    """As `serve` looks at it before it lets anybody in."""
    given = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "payerwatch.config.settings"}
    command = [sys.executable, "-c", REFUSALS]
    done = subprocess.run(command, env=given | told(name) | data, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("name", of_ours())
def test_the_database_is_reached_by_a_socket_that_the_service_sees(name: str):
    addresses = [value for key, value in told(name).items() if key.endswith("DATABASE_URL")]
    assert addresses
    assert all("@%2Frun%2Fpostgresql/payerwatch" in each for each in addresses)
    mounted, shared = mounts(services()[name])[SOCKET], mounts(services()["database"])[SOCKET]
    assert (mounted["source"], mounted["read_only"]) == (shared["source"], True)
    assert mounted["volume"] == shared["volume"] == {"nocopy": True}


def test_the_socket_lies_in_memory_and_is_the_databases_own():
    options = document(DEPLOY / "compose.yml")["volumes"]["socket"]["driver_opts"]
    assert options == {"type": "tmpfs", "device": "tmpfs", "o": "uid=999,gid=999,mode=0755"}
    assert not any(each.startswith(SOCKET) for each in services()["database"]["tmpfs"])


def test_whoever_comes_to_the_database_is_asked_for_a_password():
    asked = services()["database"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert asked == ["--auth-local=scram-sha-256", "--auth-host=scram-sha-256"]


def test_the_database_is_not_healthy_while_its_roles_are_made():
    """The server that its image starts for that listens at its socket alone."""
    assert "--host=127.0.0.1" in services()["database"]["healthcheck"]["test"]


def test_the_build_is_said_and_never_guessed():
    """Else a command is run by whatever image is there under another name."""
    text = (DEPLOY / "compose.yml").read_text()
    assert set(re.findall(r"\$\{BUILD[^}]*\}", text)) == {"${BUILD:?}"}
    assert {each["image"] for each in of_ours().values()} == {"payerwatch:${BUILD:?}"}


def test_the_newest_backup_is_the_one_that_is_tried(tmp_path: Path):
    for name in ("payerwatch-20261130T023000Z.backup", "payerwatch-20261201T023000Z.backup", ".payerwatch.backup.part"):
        (tmp_path / name).touch()
    command = tmp_path / "bin" / "payerwatch"
    command.parent.mkdir()
    command.write_text('#!/bin/sh\necho "$@"\n')
    command.chmod(0o755)
    shell, option, words = services()["verify"]["command"]
    words = words.replace("$$", "$").replace("/var/backups/payerwatch/", f"{tmp_path}/")
    path = f"{command.parent}:{os.environ['PATH']}"
    done = subprocess.run([shell, option, words], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.stdout == f"verify_backup {tmp_path}/payerwatch-20261201T023000Z.backup\n", done.stderr


def test_who_restores_has_what_restoring_needs_and_runs_only_when_asked():
    verify, backup = services()["verify"], services()["backup"]
    assert set(told("verify")) == set(told("backup")) | {"MIGRATOR_DATABASE_URL"}
    assert verify["volumes"][-1] == f"{backup['volumes'][-1]}:ro"
    for each in (verify, backup):
        assert (each["profiles"], each["restart"]) == (["by-the-clock"], "no")
    assert "postgresql-client-17" in " ".join(instructions("RUN"))
