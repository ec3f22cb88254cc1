"""The hooks of git, in a fresh checkout: what they let pass, and what each of them keeps out."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

ROOT = Path(__file__).parents[2]
PUSHING = "tests of the lines that changed"
MODULE, TESTS = "src/payerwatch/config/mail_url.py", "tests/config/test_mail_url.py"

SOUND = '''

def is_a_service(url: str) -> bool:
    """Whether messages would be given to a service over HTTPS."""
    scheme = url.partition(":")[0].lower()
    if scheme.startswith("smtp"):
        return False
    return scheme in _SERVICES
'''
ITS_TEST = """

def test_a_service_is_no_mail_server():
    from payerwatch.config.mail_url import is_a_service

    assert [is_a_service(url) for url in ("smtp://localhost", "postmark://token@")] == [False, True]
"""


class Fault(NamedTuple):
    path: str
    text: str
    said: str
    """Of what the hook says, enough to know that it found just this."""


FAULTS = {
    "style": Fault(
        MODULE, "\n\ndef loud(name: str) -> str:\n    l = name\n    return l\n", "Ambiguous variable name: `l`"
    ),
    "layout": Fault("src/payerwatch/config/build.py", "\n\nLOUD   =   {'a':1}\n", "files were modified by this hook"),
    "types": Fault("src/payerwatch/config/limits.py", '\n\nSMALLEST: int = "none"\n', 'expression has type "str"'),
    "import contracts": Fault(
        "src/payerwatch/config/env.py",
        "\n\ndef above() -> None:\n    from payerwatch import pipeline  # noqa: F401\n",
        "payerwatch.config.env -> payerwatch.pipeline",
    ),
    "migrations": Fault(
        "src/payerwatch/health/models.py",
        """

class Trial(models.Model):
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return "trial"
""",
        "Create model Trial",
    ),
}


class Checkout:
    """A clone in which `make hooks` was done, and a repository that is pushed to."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"DATABASE_URL", "MIGRATOR_DATABASE_URL"} and not name.startswith(("GIT_", "COV", "PYTEST_"))
        } | {
            "PYTHONPATH": str(place / "src"),  # the environment's own installation is of the checkout it was built in
            "PRE_COMMIT_HOME": str(place.parent / "pre-commit"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@localhost")
        return self.run("git", *who, *arguments)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.place, env=self._environment, capture_output=True, text=True, check=False
        )

    def add(self, path: str, text: str) -> None:
        with (self.place / path).open("a") as file:
            file.write(text)

    def head(self, of: str = "HEAD") -> str:
        return self.git("rev-parse", of).stdout


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Of the files as they are here, so that it is not only of what is committed; and what types were found before."""
    place = tmp_path_factory.mktemp("hooks")
    made = Checkout(place / "checkout")
    for each in _files():
        copied = made.place / each
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / each, copied)
    for unasked in set((made.place / "tests/config").glob("test_*.py")) - {made.place / TESTS}:
        unasked.unlink()
    (made.place / ".venv").symlink_to(ROOT / ".venv")
    if (ROOT / ".mypy_cache").exists():
        shutil.copytree(ROOT / ".mypy_cache", made.place / ".mypy_cache")
    made.git("init", "--quiet", "--initial-branch=main")
    (made.place / ".git/info/exclude").write_text(".venv\n")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message=Begin")
    made.git("init", "--quiet", "--bare", str(place / "shared"))
    made.git("remote", "add", "origin", str(place / "shared"))
    made.git("push", "--quiet", "--set-upstream", "origin", "main")
    assert made.run(".venv/bin/pre-commit", "install").returncode == 0
    return made


@pytest.fixture
def checkout(cloned: Checkout) -> Checkout:
    """With nothing in it that is not in the repository that is pushed to."""
    cloned.git("reset", "--hard", "--quiet", "origin/main")
    return cloned


def _files() -> list[str]:
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def hooks(said: str, outcome: str) -> set[str]:
    return set(re.findall(rf"^(.+?)\.{{3,}}{outcome}$", said, re.MULTILINE))


def test_a_change_that_is_in_order_is_committed(checkout: Checkout):
    before = checkout.head()
    checkout.add(MODULE, SOUND)
    checkout.add(TESTS, ITS_TEST)
    said = checkout.git("commit", "--all", "--message=Know a service").stderr
    assert (hooks(said, "Passed"), hooks(said, "Failed")) == (set(FAULTS), set()), said
    assert checkout.head() != before


def test_each_hook_keeps_out_its_own_fault(checkout: Checkout):
    before = checkout.head()
    for fault in FAULTS.values():
        checkout.add(fault.path, fault.text)
    said = checkout.git("commit", "--all", "--message=Everything at once").stderr
    assert hooks(said, "Failed") == set(FAULTS), said
    assert [fault.said for fault in FAULTS.values() if fault.said not in said] == [], said
    assert checkout.head() == before


def test_lines_are_pushed_once_a_test_runs_them(checkout: Checkout):
    checkout.add(MODULE, SOUND)
    checkout.git("commit", "--all", "--no-verify", "--message=Know a service")
    said = checkout.git("push").stdout
    assert hooks(said, "Failed") == {PUSHING}, said
    assert re.search(rf"^{MODULE} \(\d+\.?\d*%\): Missing lines", said, re.MULTILINE), said
    assert checkout.head() != checkout.head("origin/main")

    checkout.add(TESTS, ITS_TEST)
    checkout.git("commit", "--all", "--no-verify", "--message=Try it")
    said = checkout.git("push").stdout
    assert hooks(said, "Passed") == {PUSHING}, said
    assert checkout.head() == checkout.head("origin/main")
