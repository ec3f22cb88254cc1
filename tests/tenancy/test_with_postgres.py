"""The script that runs a command with a PostgreSQL of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "with_postgres.py"
PRINT_URLS = "import os, json; print(json.dumps([os.environ[n] for n in ('DATABASE_URL', 'MIGRATOR_DATABASE_URL')]))"

ELSEWHERE = {
    "DATABASE_URL": "postgresql://app@elsewhere/x",
    "MIGRATOR_DATABASE_URL": "postgresql://migrator@elsewhere/x",
}
INSTALLED = any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb")

pytestmark = [pytest.mark.database, pytest.mark.postgresql]


def environment(**changes: str) -> dict[str, str]:
    given = {"DATABASE_URL", "MIGRATOR_DATABASE_URL"}
    return {name: value for name, value in os.environ.items() if name not in given} | changes


def run(*command: str, **changes: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, "--fast", "--", *command],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory of this test's own, which the server's user may enter too."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        monkeypatch.setenv("TMPDIR", name)
        yield directory


def ask(url: str) -> str:
    """Python that prints who is connected to which database."""
    return f"import psycopg; print(psycopg.connect({url}).execute('SELECT current_user').fetchone()[0])"


@pytest.mark.parametrize("kind", ["embedded", *(["system"] if INSTALLED else [])])
def test_the_command_finds_both_roles_and_nothing_is_left_behind(kind: str, temporary: Path):
    done = run(sys.executable, "-c", ask("__import__('os').environ['MIGRATOR_DATABASE_URL']"), PAYERWATCH_POSTGRES=kind)
    assert (done.returncode, done.stdout) == (0, "migrator\n"), done.stderr
    assert list(temporary.iterdir()) == []


def test_the_commands_exit_code_is_the_scripts():
    assert run(sys.executable, "-c", "raise SystemExit(7)", **ELSEWHERE).returncode == 7


def test_a_command_that_a_signal_ended_is_told_apart():
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(sys.executable, "-c", killed, **ELSEWHERE).returncode == 128 + signal.SIGKILL


def test_asked_to_stop_it_stops_the_command_and_the_server(temporary: Path):
    sleeper = "import time; print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, SCRIPT, "--fast", "--", sys.executable, "-c", sleeper],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        family = psutil.Process(process.pid).children(recursive=True)
        assert any(child.name() == "postgres" for child in family)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert list(temporary.iterdir()) == []


def test_given_both_urls_it_starts_nothing():
    done = run(sys.executable, "-c", PRINT_URLS, **ELSEWHERE)
    assert json.loads(done.stdout) == list(ELSEWHERE.values())


def test_a_superusers_url_is_replaced_by_two_roles_made_on_its_server():
    inner = [sys.executable, str(SCRIPT), "--", sys.executable, "-c", PRINT_URLS]
    as_superuser = (
        "import os, subprocess, sys; from urllib.parse import urlsplit; "
        "address = urlsplit(os.environ.pop('MIGRATOR_DATABASE_URL')).netloc.rpartition('@')[2]; "
        "os.environ['DATABASE_URL'] = f'postgresql://postgres@{address}/postgres'; "
        f"sys.exit(subprocess.call({inner!r}))"
    )
    done = run(sys.executable, "-c", as_superuser)
    app, migrator = json.loads(done.stdout)
    assert app.startswith("postgresql://payerwatch_app:")
    assert migrator.startswith("postgresql://payerwatch_migrator:")


def test_a_url_of_an_ordinary_role_alone_is_refused():
    alone = [sys.executable, str(SCRIPT), "--", sys.executable, "-c", "print('ran')"]
    without = (
        "import os, subprocess, sys; os.environ['DATABASE_URL'] = os.environ.pop('MIGRATOR_DATABASE_URL'); "
        f"sys.exit(subprocess.call({alone!r}))"
    )
    done = run(sys.executable, "-c", without)
    assert (done.returncode, done.stdout) == (1, "")
    assert "set without MIGRATOR_DATABASE_URL" in done.stderr


def test_without_any_postgresql_it_says_what_it_looked_for():
    done = run("true", PAYERWATCH_POSTGRES="borrowed")
    assert done.returncode == 1
    assert "must be system or embedded" in done.stderr
