"""What docs/api.md gives as the first call works as it stands there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import COMMAND, Installation
from tests.journeys.serving import Served, serving
from tests.make import claims_file, denied, row
from tests.openapi.tools import NODE, run

pytestmark = [pytest.mark.database, pytest.mark.once]

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def snippet(language: str) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.M | re.S)[0]


def commands(name: str) -> list[str]:
    """The commands before the first call, with this for the program's name; not those of the server's own block."""
    block = re.search(r"^## First call.*?\n((?:    [^\n]*\n)+)", TEXT, re.M | re.S)[1]
    return [line.strip().replace("payerwatch", name, 1) for line in block.splitlines()]


@pytest.fixture
def served(installation: Installation, tmp_path: Path) -> Iterator[tuple[Served, dict[str, str]]]:
    """With 130 denied claims, which is more than a page, and what the document tells to export."""
    rows = [row(number="P1"), *(denied(number=f"D{number}") for number in range(130))]
    installation.ask("load", claims_file(tmp_path, rows))
    key = installation.ask("issue_key", "--name", "First call", "--scope", "claims.read", "events.read")
    with serving(installation) as running:
        told = {"HOST": f"http://127.0.0.1:{running.port}", "KEY": key["key"]}
        yield running, os.environ | told | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"}


def said(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_call_works_in_each_language(served: tuple[Served, dict[str, str]], tmp_path: Path):
    _, environment = served
    assert '"results":[]' in said(["bash", "-ec", snippet("sh")], environment)
    expected = ["130 claims denied", "403 not_permitted"]
    assert said([sys.executable, "-c", snippet("python")], environment).splitlines() == expected
    program = tmp_path / "first.ts"
    program.write_text(snippet("ts"))
    assert said([str(NODE), "--experimental-strip-types", "--no-warnings", str(program)], environment) == (
        "130 claims denied\n"
    )


@pytest.mark.pure
def test_what_comes_before_the_first_call_works_in_an_empty_directory(tmp_path: Path):
    """With its own SQLite file below it, whatever database the other tests use."""
    set_by_tests = ("DJANGO_", "PAYERWATCH_", "DATABASE_URL", "MIGRATOR_DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(set_by_tests)}
    claims_file(tmp_path, [row(number="P1"), denied(number="D1")]).rename(tmp_path / "export.csv")
    told = [said(["bash", "-ec", f"cd {tmp_path}; {each}"], environment) for each in commands(str(COMMAND))]
    assert len(told) == 6
    assert "cus_" in told[2]
    assert told[-1].startswith("pw_live_")
    assert list((tmp_path / "data" / "mail").iterdir())


@pytest.mark.pure
def test_the_typescript_of_the_document_compiles_strictly(tmp_path: Path):
    (tmp_path / "first.ts").write_text(snippet("ts") + "export {};\n")
    types = Path(__file__).parent / "node_modules" / "@types"
    options = ("--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")
    done = run("tsc", *options, "--typeRoots", types, "--types", "node", tmp_path / "first.ts")
    assert done.returncode == 0, done.stdout
