"""Releases that go wrong at more moments and in more ways: with PAYERWATCH_PROOF=full alone, as each takes its time.

What a release does in each case is shown in test_switching.py as well, of builds that are pretended.
"""

import os
import random
import signal
import time

import pytest

from payerwatch.release.processes import WORK
from tests.release.builds import LEAVING, UNWRITABLE
from tests.release.deployed import Deployed, asked_meanwhile, ended, until_it_says

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

WITHIN = 60.0
SECONDS = [round(random.Random(number).uniform(0, 20), 2) for number in range(16)]
KILLED_AT = ["Applying", "Starting", "The proxy asks", "Letting", *SECONDS]


def test_what_a_rehearsal_cannot_see_is_seen_in_what_people_are_answered(deployed: Deployed):
    before, broken = deployed.used(), deployed.installed(UNWRITABLE)
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
    before, dying = deployed.used(), deployed.installed()
    switching = deployed.switching(dying, watched=20)
    until_it_says(switching, f"The proxy asks {dying} now")
    os.killpg(int(deployed.layout.pid_file(dying, WORK).read_text()), signal.SIGKILL)
    code, said = ended(switching)
    assert (code, "Its worker has ended" in said) == (1, True), said
    deployed.assert_used_alone(before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_release_that_is_told_to_end_goes_back(deployed: Deployed, number: int):
    before, good = deployed.used(), deployed.installed()
    switching = deployed.switching(good, watched=20)
    until_it_says(switching, f"The proxy asks {good} now")
    switching.send_signal(number)
    switching.send_signal(number)
    code, said = ended(switching)
    assert (code, f"The proxy asks {before} again" in said) == (1, True), said
    deployed.assert_used_alone(before)


@pytest.mark.parametrize("moment", KILLED_AT)
def test_wherever_a_release_is_killed_one_build_is_used_and_it_can_be_repeated(deployed: Deployed, moment: str | float):
    before, good = deployed.used(), deployed.installed()
    switching = deployed.switching(good)
    if isinstance(moment, str):
        until_it_says(switching, moment)
    else:
        time.sleep(moment)
    switching.kill()
    ended(switching)
    assert deployed.answering() in (before, good)
    code, said = deployed.switch(good)
    assert code == 0 or f"{good} is the build that is used" in said, said
    deployed.assert_used_alone(good)
    assert deployed.layout.unfinished() is None


def test_what_is_left_for_later_is_finished_when_no_other_build_runs(deployed: Deployed):
    before, leaving = deployed.used(), deployed.installed(LEAVING)
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
