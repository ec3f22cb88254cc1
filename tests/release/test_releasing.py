"""A build in the place of another while people ask: unnoticed where it is good, and taken back by itself where not."""

import logging
import os
import signal
import time
from itertools import count

import pytest

from payerwatch.release.processes import WORK
from tests.release.builds import BROKEN, LEAVING, UNWRITABLE, Fault, install
from tests.release.deployed import FULL, Deployed, asked_meanwhile, ended

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

REQUESTS = 20_000 if FULL else 300
WATCHED = 20 if FULL else 2
WITHIN = 60.0
log = logging.getLogger(__name__)
NAMES = (f"build-{number}" for number in count(1))


def installed(deployed: Deployed, fault: Fault | None = None) -> str:
    build = next(NAMES)
    install(deployed.root, build, fault)
    return build


def used(deployed: Deployed) -> str:
    build = deployed.layout.used()
    assert build is not None
    return build


def until_it_says(process, words: str) -> str:
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith(words):
            return said
    pytest.fail(said)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_build_that_is_no_good_is_taken_back_by_itself(deployed: Deployed, kind: str):
    before, broken = used(deployed), installed(deployed, BROKEN[kind])
    began = time.monotonic()
    with asked_meanwhile(deployed, kind) as account:
        code, said = deployed.switch(broken, "--ready-seconds", "10" if kind == "workless" else "30")
        took = time.monotonic() - began
    assert (code, BROKEN[kind].says in said) == (1, True), said
    assert took < WITHIN
    assert account.share_failed <= 0.01, account.failed
    account.assert_kept(deployed.spellings())
    deployed.assert_used_alone(before)


def test_what_a_rehearsal_cannot_see_is_seen_in_what_people_are_answered(deployed: Deployed):
    before, broken = used(deployed), installed(deployed, UNWRITABLE)
    began = time.monotonic()
    with asked_meanwhile(deployed, "unwritable") as account:
        code, said = deployed.switch(broken, watched=20)
        took = time.monotonic() - began
    assert (code, UNWRITABLE.says in said) == (1, True), said
    assert took < WITHIN
    assert account.share_failed <= 0.01, account.failed
    account.assert_kept(deployed.spellings())
    deployed.assert_used_alone(before)


def test_a_worker_that_dies_after_the_switch_is_seen(deployed: Deployed):
    before, dying = used(deployed), installed(deployed)
    switching = deployed.switching(dying, watched=20)
    until_it_says(switching, f"The proxy asks {dying} now")
    os.killpg(int(deployed.layout.pid_file(dying, WORK).read_text()), signal.SIGKILL)
    code, said = ended(switching)
    assert (code, "Its worker has ended" in said) == (1, True), said
    deployed.assert_used_alone(before)


def test_a_good_build_takes_over_and_nobody_notices(deployed: Deployed):
    with asked_meanwhile(deployed, "rolling") as account:
        while account.answered < REQUESTS:
            good = installed(deployed)
            code, said = deployed.switch(good, watched=WATCHED)
            assert code == 0, said
            deployed.assert_used_alone(good)
            log.warning("%s: %d answered, %d failed", good, account.answered, len(account.failed))
    assert account.failed == []
    account.assert_kept(deployed.spellings())
    log.warning("%d answered, %d of them writes", account.answered, len(account.written))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT] if FULL else [signal.SIGTERM])
def test_a_release_that_is_told_to_end_goes_back(deployed: Deployed, number: int):
    before, good = used(deployed), installed(deployed)
    switching = deployed.switching(good, watched=20)
    until_it_says(switching, f"The proxy asks {good} now")
    switching.send_signal(number)
    switching.send_signal(number)
    code, said = ended(switching)
    assert (code, f"The proxy asks {before} again" in said) == (1, True), said
    deployed.assert_used_alone(before)


STEPS = {"Applying": "before", "Starting": "before", "The proxy asks": "before", "Letting": "after"}


@pytest.mark.parametrize("step", STEPS if FULL else ["The proxy asks"])
def test_a_release_that_is_killed_is_taken_up_by_the_next(deployed: Deployed, step: str):
    before, good = used(deployed), installed(deployed)
    switching = deployed.switching(good, watched=20)
    until_it_says(switching, step)
    switching.kill()
    ended(switching)
    assert deployed.answering() in (before, good)
    code, said = deployed.switch(good)
    if STEPS[step] == "before":
        assert code == 0, said
    else:
        assert "is the build that is used" in said
    deployed.assert_used_alone(good)
    assert deployed.layout.unfinished() is None


def test_only_one_release_at_a_time(deployed: Deployed):
    with deployed.layout.locked():
        code, said = deployed.switch(used(deployed))
    assert (code, said) == (1, "Refused: Another release is under way.\n")


@pytest.mark.parametrize(
    ("build", "says"), [("none-such", "There is no build none-such"), ("../old", "A build's name is of letters")]
)
def test_what_is_no_build_is_refused(deployed: Deployed, build: str, says: str):
    before = used(deployed)
    code, said = deployed.switch(build)
    assert code == 1
    assert said.startswith(f"Refused: {says}")
    deployed.assert_used_alone(before)


def test_what_is_left_for_later_is_finished_when_no_other_build_runs(deployed: Deployed):
    before, leaving = used(deployed), installed(deployed, LEAVING)
    code, said = deployed.switch(leaving)
    assert (code, "1 migrations are left for when" in said) == (0, True), said

    deployed.processes.start(before, WORK)
    code, said = ended(deployed.release("finish"))
    assert (code, said.startswith(f"Refused: {before} runs still")) == (1, True), said
    deployed.processes.stop(before, WORK, within=20)

    code, said = ended(deployed.release("finish"))
    assert (code, f"All migrations of {leaving} are applied" in said) == (0, True), said
    code, said = deployed.switch(before)
    assert (code, f"{before} cannot live with the tables" in said) == (1, True), said
    assert ended(deployed.release("finish")) == (0, "No migration is left.\n")
    deployed.assert_used_alone(leaving)
