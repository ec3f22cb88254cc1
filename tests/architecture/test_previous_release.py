"""`scripts/previous_release.py`: what becomes of a test of the release before that fails."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

SCRIPT = Path(__file__).parents[2] / "scripts" / "previous_release.py"
TESTS = """
from pathlib import Path

def test_that_passes():
    with Path("runs").open("a") as runs:
        runs.write("another passes\\n")

def test_that_fails():
    failed = Path("failed")
    times = int(failed.read_text()) if failed.exists() else 0
    failed.write_text(str(times + 1))
    assert times >= {fails}
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("previous_release", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_refuse_other_code", lambda *_given: None)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return module


@pytest.mark.parametrize(("fails", "code"), [(0, 0), (1, 0), (2, 1)], ids=["never", "once", "again"])
def test_one_that_failed_is_tried_once_more_alone(script: ModuleType, tmp_path: Path, fails: int, code: int):
    (tmp_path / "test_one.py").write_text(TESTS.format(fails=fails))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    assert script._test(tmp_path, {}, ["test_one.py"]) == code
    assert (tmp_path / "failed").read_text() == str(1 + (fails > 0))
    assert (tmp_path / "runs").read_text() == "another passes\n"
