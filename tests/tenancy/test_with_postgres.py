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
from urllib.parse import urlsplit

import psutil
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "with_postgres.py"
PRINT_URLS = "import os, json; print(json.dumps([os.environ[n] for n in ('DATABASE_URL', 'MIGRATOR_DATABASE_URL')]))"

INSTALLED = any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb")

pytestmark = [pytest.mark.database, pytest.mark.postgresql]


def environment(**changes: str) -> dict[str, str]:
    given = {"DATABASE_URL", "MIGRATOR_DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in given} | changes


def run(*command: str, **changes: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, "--fast", "--", *command],
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=600,
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
    assert run(sys.executable, "-c", "raise SystemExit(7)").returncode == 7


def test_a_command_that_a_signal_ended_is_told_apart():
    killed = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(sys.executable, "-c", killed).returncode == 128 + signal.SIGKILL


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
        assert process.wait(120) == 128 + signal.SIGTERM
    assert psutil.wait_procs(family, timeout=60)[1] == []
    assert list(temporary.iterdir()) == []


def on_a_given_server(steps: str) -> list[str]:
    """What Python prints that has `server`, a server with the roles of a production and its database, and `inner`.

    `inner(url, migrator_url, command)` runs the script with these URLs, and answers with code, stdout and stderr.
    """
    script = f"""
import json, os, subprocess, sys, psycopg
from urllib.parse import urlsplit
address = urlsplit(os.environ["MIGRATOR_DATABASE_URL"]).netloc.rpartition("@")[2]
def url(role, database="production"): return f"postgresql://{{role}}@{{address}}/{{database}}"
server = psycopg.connect(url("postgres", "postgres"), autocommit=True)
def ask(question): return server.execute(question).fetchall()
for role in ("owner LOGIN CREATEROLE CREATEDB PASSWORD 'kept'", "plain LOGIN", "payerwatch_app LOGIN PASSWORD 'kept'"):
    server.execute("CREATE ROLE " + role)
server.execute("CREATE DATABASE production OWNER owner")
server.execute("CREATE DATABASE payerwatch OWNER plain")
def state():
    return [ask("SELECT rolname, rolsuper, rolpassword FROM pg_authid ORDER BY 1"),
            ask("SELECT datname, datdba::regrole::text FROM pg_database ORDER BY 1")]
def inner(app, migrator, code):
    given = {{"DATABASE_URL": app, "MIGRATOR_DATABASE_URL": migrator}}
    kept = {{name: value for name, value in os.environ.items() if name not in given}}
    return subprocess.run([sys.executable, {str(SCRIPT)!r}, "--", sys.executable, "-c", code], text=True,
        env=kept | {{name: value for name, value in given.items() if value}}, capture_output=True)
before = state()
{steps}
"""
    done = run(sys.executable, "-c", script)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


MIGRATE = (
    "import subprocess, sys; "
    "subprocess.run([sys.executable, '-m', 'payerwatch', 'migrate', 'tenancy', '-v', '0'], check=True)"
)


@pytest.mark.parametrize("urls", ["url('postgres'), ''", "url('new_app'), url('owner')"])
def test_on_a_given_server_a_new_database_is_used_and_nothing_is_changed_or_left(urls: str):
    code = f"{MIGRATE}; {PRINT_URLS}"
    said = on_a_given_server(
        f"done = inner({urls}, {code!r}); print(done.stderr, done.stdout, file=sys.stderr); "
        "print(done.stdout.strip()); print(before == state())"
    )
    app, migrator = json.loads(said[0])
    database = urlsplit(app).path.strip("/")
    assert database == urlsplit(migrator).path.strip("/")
    assert database.startswith("payerwatch_")
    assert urlsplit(app).username != urlsplit(migrator).username != "postgres"
    assert said[1] == "True"


def test_the_databases_that_tests_leave_beside_it_are_dropped_too():
    left = (
        "import os, psycopg; at = psycopg.connect(os.environ['MIGRATOR_DATABASE_URL'], autocommit=True); "
        "at.execute('CREATE DATABASE test_' + os.environ['PAYERWATCH_THROWAWAY'] + '_gw0')"
    )
    said = on_a_given_server(f"print(inner(url('postgres'), '', {left!r}).returncode, before == state())")
    assert said == ["0 True"]


@pytest.mark.parametrize(
    ("urls", "needed"),
    [
        ("url('owner'), ''", "set without MIGRATOR_DATABASE_URL"),
        ("url('payerwatch_app'), url('plain')", "may not create one. Let it (ALTER ROLE ... CREATEDB)"),
    ],
)
def test_roles_that_cannot_make_a_database_are_told_what_is_needed(urls: str, needed: str):
    said = on_a_given_server(
        f"done = inner({urls}, 'print(1)'); print(done.returncode, done.stderr, done.stdout, before == state())"
    )
    assert said[0].startswith("1 with_postgres: ")
    assert needed in said[0]
    assert said[-1].strip() == "True"


@pytest.mark.parametrize("name", ["loading", "detection"])
def test_a_benchmark_refuses_a_database_that_was_not_made_for_it(name: str, temporary: Path):
    benchmark = str(SCRIPT.parents[1] / "benchmarks" / f"{name}.py")
    for mark in ("", "another"):
        changes = {"PAYERWATCH_THROWAWAY": mark, "PAYERWATCH_DATA_DIR": str(temporary / "data")}
        done = subprocess.run(
            [sys.executable, benchmark], env=environment(**changes), capture_output=True, text=True, check=False
        )
        assert done.returncode == 1
        assert "was not made to be thrown away" in done.stderr
    assert list(temporary.iterdir()) == []


def test_without_any_postgresql_it_says_what_it_looked_for():
    done = run("true", PAYERWATCH_POSTGRES="borrowed")
    assert done.returncode == 1
    assert "must be system or embedded" in done.stderr
