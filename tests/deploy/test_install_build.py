"""A build beside the one that runs: whole, or none."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.deploy.reading import DEPLOY

pytestmark = pytest.mark.pure

# In the place of Python: makes what `python -m venv` would, whose pip notes what it is asked for.
PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 9
mkdir -p "$3/bin"
cat >"$3/bin/pip" <<PIP
#!/bin/sh
echo "\\$*" >>"$NOTES"
case "\\$*" in *--no-deps*) [ -z "$BREAKS" ] || exit 1; touch "$3/bin/payerwatch"; chmod +x "$3/bin/payerwatch" ;; esac
PIP
chmod +x "$3/bin/pip"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "notes").touch()
    return tmp_path


def source() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("pyproject.toml"))
    return packed.getvalue()


def install(root: Path, build: str, *, breaks: str = "") -> subprocess.CompletedProcess[bytes]:
    told = {"PYTHON": str(root / "python"), "NOTES": str(root / "notes"), "BREAKS": breaks}
    command = [DEPLOY / "install-build.sh", build, str(root)]
    return subprocess.run(command, input=source(), env=os.environ | told, capture_output=True, check=False)


def asked_of_pip(root: Path) -> list[str]:
    return (root / "notes").read_text().splitlines()


def test_it_installs_what_is_locked_and_then_the_build(root: Path):
    done = install(root, "b1.2")
    assert (done.returncode, done.stdout) == (0, b"b1.2 is installed.\n"), done
    locked, own = asked_of_pip(root)
    assert "--require-hashes -r " in locked
    assert "--no-deps --no-build-isolation " in own
    assert os.access(root / "releases" / "b1.2" / "bin" / "payerwatch", os.X_OK)


def test_one_that_is_there_stays_as_it_is(root: Path):
    install(root, "b1")
    again = install(root, "b1")
    assert (again.returncode, again.stdout) == (0, b"b1 is installed already; nothing was done.\n"), again
    assert len(asked_of_pip(root)) == 2


def test_one_that_is_there_lets_whatever_packs_it_end(root: Path):
    """A line of which any part fails is a step of a deployment that fails."""
    install(root, "b1")
    line = f"set -o pipefail; head -c 1000000 /dev/zero | {DEPLOY / 'install-build.sh'} b1 {root}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"b1 is installed already; nothing was done.\n"), done


def test_one_that_was_not_finished_is_none_and_made_anew(root: Path):
    assert install(root, "b1", breaks="yes").returncode != 0
    assert not (root / "releases" / "b1" / "bin" / "payerwatch").exists()
    assert install(root, "b1").returncode == 0
    assert (root / "releases" / "b1" / "bin" / "payerwatch").exists()


@pytest.mark.parametrize("build", ["", "../b1", ".b1", "-b1", "b1;id", "b 1", "b1/b2", "b1+2"])
def test_what_is_no_name_is_refused(root: Path, build: str):
    assert install(root, build).returncode == 2
    assert not (root / "releases").exists()
