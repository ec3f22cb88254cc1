"""A build in the place of another while people ask: unnoticed where it is good, and taken back by itself where not.

What takes long beside is in test_releasing_in_full.py.
"""

import logging
import time

import pytest

from tests.release.builds import BROKEN
from tests.release.deployed import FULL, Deployed, asked_meanwhile, ended, until_it_says

pytestmark = [pytest.mark.database, pytest.mark.postgresql, pytest.mark.proof]

REQUESTS = 20_000 if FULL else 300
WATCHED = 20 if FULL else 2
WITHIN = 60.0
log = logging.getLogger(__name__)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_build_that_is_no_good_is_taken_back_by_itself(deployed: Deployed, kind: str):
    before, broken = deployed.used(), deployed.installed(BROKEN[kind])
    began = time.monotonic()
    with asked_meanwhile(deployed, kind) as account:
        never_ready = ("--ready-seconds", "20") if kind == "workless" else ()
        code, said = deployed.switch(broken, *never_ready)
        took = time.monotonic() - began
    assert (code, BROKEN[kind].says in said) == (1, True), said
    log.warning("%s: %.0f s, %d answered, %d failed", kind, took, account.answered, len(account.failed))
    assert took < WITHIN
    assert account.share_failed <= 0.01, account.failed
    account.assert_kept(deployed.spellings())
    deployed.assert_used_alone(before)


def test_a_good_build_takes_over_and_nobody_notices(deployed: Deployed):
    with asked_meanwhile(deployed, "rolling") as account:
        while account.answered < REQUESTS:
            good = deployed.installed()
            code, said = deployed.switch(good, watched=WATCHED)
            assert code == 0, said
            deployed.assert_used_alone(good)
            log.warning("%s: %d answered, %d failed", good, account.answered, len(account.failed))
    assert account.failed == []
    account.assert_kept(deployed.spellings())
    log.warning("%d answered, %d of them writes", account.answered, len(account.written))


def test_a_release_that_is_killed_is_taken_up_by_the_next(deployed: Deployed):
    before, good = deployed.used(), deployed.installed()
    switching = deployed.switching(good)
    until_it_says(switching, f"The proxy asks {good} now")
    switching.kill()
    ended(switching)
    assert deployed.answering() == good
    code, said = deployed.switch(good)
    assert (code, f"The proxy asks {before} again" in said) == (0, True), said
    deployed.assert_used_alone(good)
    assert deployed.layout.unfinished() is None


def test_only_one_release_at_a_time(deployed: Deployed):
    with deployed.layout.locked():
        code, said = deployed.switch(deployed.used())
    assert (code, said) == (1, "Refused: Another release is under way.\n")


def test_a_key_that_is_none_is_refused_before_anything_is_begun(deployed: Deployed):
    before, good = deployed.used(), deployed.installed()
    wrong = deployed.root / "wrong-key"
    wrong.write_text("no key at all\n")
    code, said = ended(deployed.switching(good, "--key-file", str(wrong)))
    assert (code, said) == (
        1, "Refused: The key that was given is refused: it is none, has ended, or is another database's.\n",
    )  # fmt: skip
    deployed.assert_used_alone(before)


@pytest.mark.parametrize(
    ("build", "says"), [("none-such", "There is no build none-such"), ("../old", "A build's name is of letters")]
)
def test_what_is_no_build_is_refused(deployed: Deployed, build: str, says: str):
    before = deployed.used()
    code, said = deployed.switch(build)
    assert code == 1
    assert said.startswith(f"Refused: {says}")
    deployed.assert_used_alone(before)
