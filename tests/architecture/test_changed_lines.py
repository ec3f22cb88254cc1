"""`scripts/changed_lines.py`: which tests it runs for a change, and of which lines it asks that they ran."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "changed_lines.py"
PACKAGES = sorted(each.parent.name for each in (ROOT / "src" / "payerwatch").glob("*/__init__.py"))
MIGRATION = "src/payerwatch/health/migrations/0001_first.py"
MODULE = "src/payerwatch/health/checks.py"
SETTINGS = """
[tool.pytest.ini_options]
pythonpath = ["src"]
markers = ["proof: .", "untraced: .", "minutes: ."]
[tool.coverage.run]
branch = true
source = ["src/payerwatch"]
omit = ["*/migrations/*"]
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("changed_lines", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Project:
    """A repository with one package, its test, and nothing that changed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "scripts").mkdir()
        shutil.copy(SCRIPT, place / "scripts")
        self.write("pyproject.toml", SETTINGS)
        self.write("src/payerwatch/health/__init__.py", "")
        self.write("src/payerwatch/__init__.py", "")
        self.write(MODULE, "def is_well():\n    return True\n")
        self.write(
            "tests/health/test_checks.py", "from payerwatch.health.checks import is_well\ndef test(): is_well()\n"
        )
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def write(self, path: str, text: str) -> None:
        (self.place / path).parent.mkdir(parents=True, exist_ok=True)
        (self.place / path).write_text(text)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("-c", "user.name=Ada", "-c", "user.email=ada@localhost", "commit", "--quiet", "--message=Go on")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.place, env=self._environment(), check=True)

    def changed_lines(self) -> subprocess.CompletedProcess[str]:
        """What it says of what was committed since the beginning."""
        command = [sys.executable, "scripts/changed_lines.py", "--since", "HEAD~1"]
        return subprocess.run(
            command, cwd=self.place, env=self._environment(), capture_output=True, text=True, check=False
        )

    def _environment(self) -> dict[str, str]:
        left_out = ("GIT_", "COV", "PYTEST_", "DJANGO_SETTINGS_MODULE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        return kept | {"GIT_CONFIG_GLOBAL": os.devnull}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_tests_of_every_package_are_found(script: ModuleType, package: str):
    folders = script.ELSEWHERE.get(package, (package,))
    assert all((ROOT / "tests" / each).is_dir() for each in folders)
    assert script.tests_beside([Path("src/payerwatch", package, "module.py")])


def test_what_is_measured_is_tried_where_it_is_told(script: ModuleType):
    found = script.tests_beside([Path("src/payerwatch/measuring/sharing.py")])
    assert {Path(each).parent.name for each in found} == {"measuring", "health", "web"}


def test_a_change_of_migrations_alone_asks_for_no_lines(project: Project):
    project.write(MIGRATION, "operations = []\n")
    project.commit()
    done = project.changed_lines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "Nothing changed of which lines are counted." in done.stdout


def test_what_changes_beside_a_migration_must_run(project: Project):
    project.write(MIGRATION, "operations = []\n")
    project.write(MODULE, "def is_well():\n    return True\ndef is_ill():\n    a = 1\n    b = 2\n    return a > b\n")
    project.commit()
    done = project.changed_lines()
    assert done.returncode == 1
    assert f"{MODULE} (25.0%): Missing lines 4-6" in done.stdout


def test_a_migration_that_breaks_its_tests_is_kept_out(project: Project):
    project.write(MIGRATION, "operations = []\n")
    project.write("tests/health/test_tables.py", "def test(): raise SystemError\n")
    project.commit()
    assert project.changed_lines().returncode == 1
