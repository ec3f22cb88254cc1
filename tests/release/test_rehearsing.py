"""What a rehearsal says of keys that are none, and of addresses that are throttled or not for its key."""

from typing import Any

import pytest

from payerwatch.release import patience
from payerwatch.release.refusals import ReleaseRefused
from payerwatch.release.switching import Result
from tests.release.pretended import CUSTOMERS, HEALTH, ROUTE, SCHEMA, Build, Pretended, assert_used_alone, release

pytestmark = pytest.mark.pure

SIGN_IN, INDEX = "/api/v1/auth/sign-in/", "/api/v1/"
LONG = 3600


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how many seconds, each time, without doing so."""
    seconds: list[float] = []
    monkeypatch.setattr(patience, "sleep", seconds.append)
    return seconds


def used(pretended: Pretended, **differs: Any) -> list[str]:
    """What is said of a build that differs so, and is used all the same."""
    pretended.install("new", **differs)
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.SWITCHED, said
    return said


def not_rehearsed(pretended: Pretended, **differs: Any) -> str:
    """What is said of a build that differs so, and is not used."""
    pretended.install("new", **differs)
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.ROLLED_BACK, said
    assert_used_alone(pretended, "old")
    words = "new is not used, as it cannot be rehearsed: "
    [found] = [line for line in said if line.startswith(words)]
    return found.removeprefix(words)


def of_the_api(build: Build) -> list[str]:
    return [each for each in build.asked if each.startswith("/api/") and each != HEALTH]


def test_a_key_that_is_none_is_refused_by_the_first_answer_before_anything_is_begun(pretended: Pretended):
    pretended.install("new")
    pretended.builds["old"].asked.clear()
    with pytest.raises(ReleaseRefused, match="The key that was given is refused: it is none, has ended"):
        release(pretended, key="another key").switch("new")
    assert of_the_api(pretended.builds["old"]) == [CUSTOMERS]
    assert pretended.builds["new"].asked == []
    assert pretended.migrated == [("old", True)]
    assert_used_alone(pretended, "old")


def test_with_no_build_before_the_first_is_asked_for_the_key_and_nothing_more(pretended: Pretended):
    pretended.layout.use(None)
    new = pretended.install("new")
    said: list[str] = []
    assert release(pretended, said, key="another key").switch("new") is Result.ROLLED_BACK
    assert of_the_api(new) == [CUSTOMERS]
    assert any(line.startswith("new is not used, as it cannot be rehearsed: The key") for line in said)


def test_a_key_that_ends_meanwhile_is_asked_with_no_more(pretended: Pretended):
    lists = ("/claims/", "/payers/")
    pretended.builds["old"].statuses[ROUTE] = 401
    assert not_rehearsed(pretended, statuses={ROUTE: 401}, lists=lists).startswith("The key that was given is refused")
    assert pretended.builds["new"].asked.count(ROUTE) == 1
    assert "/api/v1/payers/" not in pretended.builds["new"].asked


def test_what_the_key_may_not_read_is_not_counted_as_good(pretended: Pretended):
    pretended.builds["old"].statuses["/api/v1/members/"] = 403
    said = used(pretended, statuses={"/api/v1/members/": 403}, lists=("/claims/", "/members/"))
    assert "4 addresses are answered as they should be; 1 this key may not read." in said


def test_a_key_that_may_read_nothing_is_told_from_one_that_is_none(pretended: Pretended):
    pretended.builds["old"].statuses[ROUTE] = 403
    assert not_rehearsed(pretended, statuses={ROUTE: 403}) == (
        "With the key that was given nothing can be read: it needs scopes that read."
    )


@pytest.mark.parametrize("address", [CUSTOMERS, SCHEMA, ROUTE, SIGN_IN])
def test_what_is_throttled_for_a_while_is_waited_for_and_then_good(
    pretended: Pretended, waited: list[float], address: str
):
    if address == CUSTOMERS:
        pretended.builds["old"].throttled[address] = [40]
    said = used(pretended, throttled={address: [40]})
    assert waited == [40]
    assert f"{address} is throttled: waiting 40 seconds, as it asks." in said
    assert "4 addresses are answered as they should be." in said


def test_it_waits_for_so_long_in_all_and_then_says_what_is_not_known(pretended: Pretended, waited: list[float]):
    said = used(pretended, throttled={SIGN_IN: [40, 20, 20]}, lists=("/claims/",))
    assert waited == [40, 20]
    assert "3 addresses are answered as they should be; 1 were throttled, so nothing is known of them." in said


@pytest.mark.parametrize("address", [CUSTOMERS, SCHEMA])
def test_without_what_all_rests_on_the_release_ends_and_says_when_to_try_again(
    pretended: Pretended, waited: list[float], address: str
):
    words = f"{address} is throttled: too much was asked of late. Try again in {LONG} seconds."
    if address == SCHEMA:
        assert not_rehearsed(pretended, throttled={SCHEMA: [LONG]}) == words
    else:
        pretended.install("new")
        pretended.builds["old"].throttled[CUSTOMERS] = [LONG]
        with pytest.raises(ReleaseRefused, match=words):
            release(pretended).switch("new")
        assert pretended.migrated == [("old", True)]
    assert waited == []


def test_a_build_of_which_most_is_throttled_is_not_used(pretended: Pretended, waited: list[float]):
    lists = ("/claims/", "/payers/", "/rules/", "/uploads/")
    throttled = {f"/api/v1{each}": [LONG] * 3 for each in lists}
    assert not_rehearsed(pretended, throttled=throttled, lists=lists) == (
        "Most is throttled. 3 addresses are answered as they should be; 4 were throttled, so nothing is known of them. "
        f"Try again in {LONG} seconds."
    )
    assert waited == []


def test_a_throttle_that_does_not_say_for_how_long_is_no_fault_and_nothing_good(
    pretended: Pretended, waited: list[float]
):
    said = used(pretended, statuses={INDEX: 429})
    assert "3 addresses are answered as they should be; 1 were throttled, so nothing is known of them." in said
    assert waited == []


def test_what_was_throttled_is_not_held_against_the_time_that_others_take(pretended: Pretended):
    """An answer of a throttle takes no time, so that every other would seem slow beside it."""
    pretended.builds["old"].takes = 0.1
    pretended.builds["old"].throttled = {INDEX: [LONG], SIGN_IN: [LONG], ROUTE: [LONG]}
    said = used(pretended, takes=0.1)
    assert "4 addresses are answered as they should be." in said
