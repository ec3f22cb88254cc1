"""Counting on a full disk: no process ends by it, and what was counted is told once there is room."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.pure

# Counts with what may be written limited to so many bytes of a file, and tells what whoever collects would find.
COUNTED = """
import resource, sys, time
from pathlib import Path
from payerwatch.measuring import sharing
place, before, during = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def told():
    found = {}
    for family in metrics.registry_of().collect():
        found |= {each.labels["step"]: each.value for each in family.samples if each.name == "payerwatch_jobs_total"}
    return found

sharing.share_between_processes(place)
limit(during if not before else resource.RLIM_INFINITY)
from payerwatch.measuring import metrics, shared_file
for number in range(before):
    metrics.jobs.labels(f"step_{number}", "done").inc()
limit(during)
for number in range(600):
    metrics.jobs.labels(f"step_{number}", "done").inc()
print(len(told()))
limit(resource.RLIM_INFINITY)
time.sleep(shared_file.LOOK_AGAIN_AFTER + 0.1)
for number in range(600):
    metrics.jobs.labels(f"step_{number}", "done").inc()
found = told()
print(len(found), sum(found.values()))
for file in sorted(place.glob("*/*.db")):
    print(file.stat().st_size, file.stat().st_blocks * 512)
"""


def counted(place: Path, before: int, during: int) -> list[list[int]]:
    environment = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    command = [sys.executable, "-c", COUNTED, str(place), str(before), str(during)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return [[int(float(word)) for word in line.split()] for line in done.stdout.splitlines()]


def test_what_there_is_no_room_for_is_told_once_there_is(tmp_path: Path):
    [[during], [after, total], *_] = counted(tmp_path, before=3, during=65_536)
    assert 3 <= during < 600
    assert (after, total) == (600, 3 + 600 + 600)


def test_a_process_that_begins_on_a_full_disk_counts_from_then_on(tmp_path: Path):
    [[during], [after, total], *_] = counted(tmp_path, before=0, during=0)
    assert during == 0
    assert (after, total) == (600, 1200)


def test_no_page_is_written_to_that_the_disk_has_not(tmp_path: Path):
    """Of a file with holes the first count in one would end the process, where the disk has no page for it."""
    _, _, *files = counted(tmp_path, before=3, during=65_536)
    assert files
    assert [each for each in files if each[1] < each[0]] == []


def test_a_server_begins_though_there_is_no_room_for_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from payerwatch.measuring import sharing

    def full(*_given: object, **_named: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.delenv(sharing.VARIABLE, raising=False)
    monkeypatch.setattr(sharing.tempfile, "mkdtemp", full)
    sharing.share_between_processes(tmp_path)
    assert sharing.VARIABLE not in os.environ
