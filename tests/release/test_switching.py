"""What a release does with each thing that a build may be, without waiting for processes."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from payerwatch.release import watching
from payerwatch.release.layout import Layout, Unfinished
from payerwatch.release.processes import PARTS, WEB, WORK
from payerwatch.release.refusals import ReleaseRefused
from payerwatch.release.switching import Result
from tests.release.pretended import ROUTE, SCHEMA, Build, Pretended, assert_used_alone, release

pytestmark = pytest.mark.pure


def refused(pretended: Pretended, **differs: Any) -> str:
    """What is said of a build that differs so, as soon as it is found."""
    pretended.install("new", **differs)
    said: list[str] = []
    assert release(pretended, said, watch_seconds=60).switch("new") is Result.ROLLED_BACK
    assert_used_alone(pretended, "old")
    [found] = [line for line in said if line.startswith("new is no good: ")]
    return found.removeprefix("new is no good: ")


def test_a_good_build_is_used_and_the_one_before_ends(pretended: Pretended):
    pretended.install("new", answered=50, seconds=0.5)
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.SWITCHED
    assert_used_alone(pretended, "new")
    assert pretended.migrated == [("old", True), ("new", True)]
    assert said[-1] == "new is used now."


NO_GOOD: dict[str, tuple[dict[str, Any], str]] = {
    "not ready": ({"ready": False}, "It is not ready after 0 seconds: 503. The disk is full."),
    "another build": ({"says_it_is": "b9"}, "What answers says that it is build 'b9'."),
    "without a worker": ({"works": False}, "It is not ready after 0 seconds: its worker has not begun."),
    "failing at one address": ({"statuses": {ROUTE: 500}}, f"Asked for {ROUTE} it fails: 500."),
    "refusing what was open": ({"statuses": {ROUTE: 403}}, f"Asked for {ROUTE} it fails: 403."),
    "describing nothing": ({"statuses": {SCHEMA: 404}}, f"Asked for {SCHEMA} it fails: 404."),
    "slow": ({"takes": 0.08}, "It is slower: what takes old 0."),
}


@pytest.mark.parametrize("kind", NO_GOOD)
def test_what_is_no_good_is_found_before_anybody_asks_it(pretended: Pretended, kind: str):
    differs, words = NO_GOOD[kind]
    asked_at = pretended.layout.front.readlink()
    assert refused(pretended, **differs).startswith(words)
    assert pretended.layout.front.readlink() == asked_at


def test_what_is_slow_for_a_while_alone_is_used(pretended: Pretended):
    """As on a machine that is busy with all that begins there."""
    pretended.install("new", takes=0.3, hurries_after=8)  # in which it is asked for one address or two
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.SWITCHED, said
    assert_used_alone(pretended, "new")


def fails_ever_more(build: Build) -> None:
    build.answered, build.failed = build.answered + 20, build.failed + 1


def gets_slower(build: Build) -> None:
    build.answered, build.seconds = build.answered + 20, build.seconds + 20 * 0.5


def reports_a_failure(build: Build) -> None:
    build.checks["disk:free"] = "fail"


SEEN_LATER: dict[str, tuple[Callable[[Build], None], str]] = {
    "fails": (fails_ever_more, f"POST {ROUTE} failed "),
    "slow": (gets_slower, f"POST {ROUTE} takes 0.50 s; it took 0.01."),
    "unhealthy": (reports_a_failure, "It says that it fails: disk:free."),
    "replaced": (lambda build: setattr(build, "says_it_is", "b9"), "Where the proxy asks, build 'b9' answers."),
}


@pytest.mark.parametrize("kind", SEEN_LATER)
def test_what_is_no_good_is_found_while_people_ask_it(pretended: Pretended, kind: str):
    becomes, words = SEEN_LATER[kind]
    assert refused(pretended, on_metrics=becomes).startswith(words)


def test_what_has_always_failed_is_no_reason(pretended: Pretended):
    old = pretended.builds["old"]
    old.statuses[ROUTE], old.checks["backup:age"], old.failed = 500, "fail", 100
    pretended.install("new", statuses={ROUTE: 500}, checks={"backup:age": "fail"}, on_metrics=fails_ever_more)
    assert release(pretended, key="").switch("new") is Result.SWITCHED


@pytest.mark.parametrize("part", PARTS)
def test_what_ends_while_it_is_watched_is_taken_back(pretended: Pretended, part: str):
    def ends(_build: Build) -> None:
        pretended.running.pop(("new", part), None)

    words = {WEB: "Its server has ended", WORK: "Its worker has ended"}[part]
    assert refused(pretended, on_metrics=ends).startswith(words)


def test_a_worker_that_falls_silent_is_taken_back(pretended: Pretended):
    def has_been_silent(build: Build) -> None:
        said_at = time.time() - watching.SILENT_WORKER - 1
        os.utime(pretended.layout.alive_file(build.name), (said_at, said_at))

    assert refused(pretended, on_metrics=has_been_silent).startswith("Its worker has not said")


def test_migrations_that_fail_refuse_it_and_nothing_is_started(pretended: Pretended):
    pretended.install("new", migrates=False)
    with pytest.raises(ReleaseRefused, match="Migrating failed"):
        release(pretended).switch("new")
    assert_used_alone(pretended, "old")


def test_a_build_before_that_has_ended_is_started_again_before_it_is_gone_back_to(pretended: Pretended):
    def ends_both(_build: Build) -> None:
        pretended.stop("old", WEB, within=0)
        pretended.running.pop(("new", WORK), None)

    assert refused(pretended, on_metrics=ends_both).startswith("Its worker has ended")


def test_where_the_build_before_does_not_answer_it_is_said(pretended: Pretended):
    def is_replaced(build: Build) -> None:
        pretended.builds["old"].says_it_is = build.says_it_is = "b9"

    pretended.install("new", on_metrics=is_replaced)
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.ROLLED_BACK
    assert said[-1] == "Where the proxy asks, build 'b9' answers, and not old. See to it."


def test_a_first_build_that_is_no_good_leaves_nobody_to_ask(tmp_path_factory: pytest.TempPathFactory):
    pretended = Pretended(Layout(tmp_path_factory.mktemp("r")))
    pretended.install("new", ready=False)
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.ROLLED_BACK
    assert pretended.layout.used() is None
    assert not pretended.running
    assert "The proxy has nobody to ask." in said


def test_the_build_that_is_used_is_refused_and_started_again_where_it_has_ended(pretended: Pretended):
    with pytest.raises(ReleaseRefused, match="old is the build that is used"):
        release(pretended).switch("old")
    pretended.stop("old", WORK, within=0)
    assert release(pretended).switch("old") is Result.SWITCHED
    assert_used_alone(pretended, "old")


@pytest.mark.parametrize("switched", [False, True])
def test_what_was_killed_before_it_was_found_good_is_gone_back_from(pretended: Pretended, switched: bool):
    pretended.install("new")
    pretended.install("newer")
    pretended.layout.note(Unfinished("new", "old"))
    for part in PARTS:
        pretended.start("new", part)
    if switched:
        pretended.layout.use("new")
    said: list[str] = []
    assert release(pretended, said).switch("newer") is Result.SWITCHED
    assert said[:2] == ["The release of new was interrupted.", "The proxy asks old again."]
    assert_used_alone(pretended, "newer")


def test_what_was_killed_after_it_was_found_good_is_carried_on(pretended: Pretended):
    pretended.install("new")
    for part in PARTS:
        pretended.start("new", part)
    pretended.layout.use("new")
    pretended.layout.note(Unfinished("new", "old", is_kept=True))
    with pytest.raises(ReleaseRefused, match="new is the build that is used"):
        release(pretended).switch("new")
    assert_used_alone(pretended, "new")


def test_what_is_left_to_migrate_is_said_and_finished(pretended: Pretended):
    new = pretended.install("new", left_to_migrate=2)
    said: list[str] = []
    release(pretended, said).switch("new")
    assert said[-1].startswith("2 migrations are left for when old is not gone back to")

    pretended.start("old", WORK)
    with pytest.raises(ReleaseRefused, match="old runs still"):
        release(pretended).finish()
    pretended.stop("old", WORK, within=0)
    release(pretended).finish()
    assert pretended.migrated[-1] == ("new", False)
    with pytest.raises(ReleaseRefused, match="old cannot live with the tables"):
        release(pretended).switch("old")

    new.left_to_migrate = 0
    release(pretended).finish()
    assert pretended.migrated[-2:] == [("new", True), ("new", False)]


def test_what_is_left_to_migrate_is_not_known_of_a_build_that_does_not_say(pretended: Pretended):
    new = pretended.install("new", left_to_migrate=None)
    said: list[str] = []
    assert release(pretended, said).switch("new") is Result.SWITCHED
    assert said[-1].startswith("new does not say whether migrations are left.")
    migrated = list(pretended.migrated)

    with pytest.raises(ReleaseRefused, match="new does not say whether migrations are left"):
        release(pretended).finish()
    new.left_to_migrate = 1
    pretended.stop("new", WEB, within=0)
    with pytest.raises(ReleaseRefused, match="new does not say whether migrations are left"):
        release(pretended).finish()
    assert (pretended.migrated, pretended.layout.left_behind()) == (migrated, set())

    pretended.start("new", WEB)
    release(pretended).finish()
    assert pretended.migrated == [*migrated, ("new", False)]


def test_nothing_is_finished_while_a_release_is(pretended: Pretended):
    pretended.layout.note(Unfinished("new", "old"))
    with pytest.raises(ReleaseRefused, match="The release of new was interrupted"):
        release(pretended).finish()


def test_nothing_is_finished_before_the_first_build(tmp_path: Path):
    with pytest.raises(ReleaseRefused, match="No build is used yet"):
        release(Pretended(Layout(tmp_path))).finish()


def test_a_build_whose_socket_would_have_too_long_a_name_is_refused(tmp_path: Path):
    pretended = Pretended(Layout(tmp_path / ("r" * 60)))
    pretended.install("b" * 60)
    with pytest.raises(ReleaseRefused, match="Choose a shorter --root"):
        release(pretended).switch("b" * 60)
