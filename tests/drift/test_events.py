"""A life of drift events, judged week by week through the commands: open, update, close, come back.

Three payers of two CPT groups, 82 weeks. Aetna denies half of what was submitted in weeks 46 to 51 and again
from week 66 to 71; Cigna denies half of one group from week 60 on; Humana decides a week sooner from week 55 on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import transaction

from payerwatch.web.api.drift_events import WindowBody
from tests.drift.invented import history
from tests.drift.run_off_claims import as_known_on, claims_of, denying_more, detect, load, sunday
from tests.make import answer, customer

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
FIRST, LAST = 44, 81
Event = dict[str, Any]


def monday(week: int) -> str:
    return (MONDAY + timedelta(weeks=week)).isoformat()


def drifting_claims() -> pl.DataFrame:
    claims = claims_of(history(seed=3, series=6, payers=3, weeks=LAST + 1, volume=25))
    payer = pl.col("payer")
    for first, last in ((46, 51), (66, 71)):
        claims = denying_more(claims, payer == "Aetna", MONDAY + timedelta(weeks=first), sunday(MONDAY, last))
    one_group = (payer == "Cigna") & (pl.col("cpt") == "99213")
    claims = denying_more(claims, one_group, MONDAY + timedelta(weeks=60), sunday(MONDAY, LAST), share=0.15)
    sooner = (payer == "Humana") & (pl.col("submitted") >= MONDAY + timedelta(weeks=55))
    earlier = pl.max_horizontal(pl.col("decided").dt.offset_by("-7d"), "submitted")
    return claims.with_columns(decided=pl.when(sooner).then(earlier).otherwise(pl.col("decided")))


@dataclass(frozen=True)
class Week:
    """One judged week: what `detect` answered, and what `events` lists plain, with --watch and with --all."""

    document: Any
    lists: tuple[list[Event], list[Event], list[Event]]

    @property
    def events(self) -> dict[str, Event]:
        """All events by id."""
        return {event["id"]: event for event in self.lists[2]}


Walk = dict[int, Week]


@pytest.fixture(scope="module")
def walk(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Every week from before the first change to after the last."""
    with django_db_blocker.unblock(), transaction.atomic():
        weeks = dict(_walked(tmp_path_factory.mktemp("walk")))
        transaction.set_rollback(True)
    return weeks


def _walked(folder: Path) -> Iterator[tuple[int, Week]]:
    customer()
    load(folder, as_known_on(drifting_claims(), sunday(MONDAY, LAST)))
    for week in range(FIRST, LAST + 1):
        document = detect("--as-of", sunday(MONDAY, week))
        plain, watched, everything = (answer("events", *options).document for options in ([], ["--watch"], ["--all"]))
        yield week, Week(document, (plain, watched, everything))


def lives(walk: Walk, payer: str, measure: str, group: str | None, direction: str = "worse") -> list[dict[int, Event]]:
    """Each episode of one key, in order: the event as of each week since it opened."""
    found: dict[str, dict[int, Event]] = {}
    for week in walk:
        for event in walk[week].events.values():
            key = (event["payer"], event["measure"], event["cpt_group"], event["direction"])
            if key == (payer, measure, group, direction):
                found.setdefault(event["id"], {})[week] = event
    return sorted(found.values(), key=min)


def all_lives(walk: Walk) -> list[dict[int, Event]]:
    ids = {name: event for week in walk.values() for name, event in week.events.items()}
    keys = {(event["payer"], event["measure"], event["cpt_group"], event["direction"]) for event in ids.values()}
    return [life for key in sorted(keys, key=str) for life in lives(walk, *key)]


def test_windows_are_of_the_kinds_that_are_described(walk: Walk):
    described = set(WindowBody().fields["kind"].choices)
    assert {event["window"]["kind"] for week in walk.values() for event in week.events.values()} == described


def test_runs_count_what_became_of_events(walk: Walk):
    before: dict[str, Event] = {}
    for week in walk.values():
        document, events = week.document, week.events
        opened = [event for name, event in events.items() if name not in before]
        closed = [name for name, event in events.items() if event["status"] == "closed"]
        newly_closed = [name for name in closed if before.get(name, {"status": "open"})["status"] == "open"]
        assert (document["opened"], document["closed"]) == (len(opened), len(newly_closed))
        still_open = [name for name in before if name in events and events[name]["status"] == "open"]
        judged = [name for name in still_open if events[name]["as_of_week"] == document["as_of_week"]]
        assert document["updated"] == len(judged)
        before = events


def test_an_event_opens_once_and_is_updated_weekly(walk: Walk):
    first, *_ = lives(walk, "Aetna", "denial_rate", None)
    weeks = sorted(first)
    assert 47 <= weeks[0] <= 50
    open_weeks = [week for week in weeks if first[week]["status"] == "open"]
    assert [first[week]["as_of_week"] for week in open_weeks] == [monday(week) for week in open_weeks]
    assert {event["first_week"] for event in first.values()} == {monday(weeks[0])}
    assert {event["episode"] for event in first.values()} == {1}


def test_an_event_closes_after_three_calm_weeks_in_a_row(walk: Walk):
    closed = [life for life in all_lives(walk) if life[max(life)]["status"] == "closed"]
    assert closed
    for life in closed:
        closing = min(week for week in life if life[week]["status"] == "closed")
        effects = [calm(life[week]) for week in range(min(life), closing + 1)]
        assert effects[-3:] == [True, True, True]
        assert (True, True, True) not in set(zip(effects[:-3], effects[1:-2], effects[2:-1], strict=True))
        assert life[max(life)]["closed_week"] == monday(closing) == life[max(life)]["as_of_week"]


def calm(event: Event) -> bool:
    if event["measure"] == "denial_rate":
        return (event["effect"] if event["direction"] == "worse" else -event["effect"]) < 0.01
    return event["effect"] >= 0.95 if event["direction"] == "worse" else event["effect"] <= 1.05


def test_a_closed_event_never_changes_again(walk: Walk):
    for life in all_lives(walk):
        after = [event for event in life.values() if event["status"] == "closed"]
        assert all(event == after[0] for event in after)


def test_what_comes_back_is_a_new_episode_of_a_later_week(walk: Walk):
    first, second = lives(walk, "Aetna", "denial_rate", None)[:2]
    assert first[max(first)]["status"] == "closed"
    assert second[min(second)]["episode"] == 2
    assert second[min(second)]["first_week"] > first[max(first)]["closed_week"]
    assert 66 < min(second) <= 71


def test_tier_is_the_highest_of_the_episode_and_alert_week_the_first_alert(walk: Walk):
    for life in all_lives(walk):
        tiers = [life[week]["tier"] for week in sorted(life)]
        assert tiers == sorted(tiers, key=["watch", "alert"].index)
        for week in sorted(life):
            first_alert = next((w for w in sorted(life) if life[w]["tier"] == "alert"), LAST + 1)
            assert life[week]["alert_week"] == (monday(first_alert) if week >= first_alert else None)


def test_some_event_is_watched_before_it_alerts(walk: Walk):
    assert any([life[min(life)]["tier"], life[max(life)]["tier"]] == ["watch", "alert"] for life in all_lives(walk))


def test_series_hang_beneath_the_payers_open_alert(walk: Walk):
    hung = 0
    for week in walk.values():
        events = week.events
        parents = {event["id"]: event for event in events.values()}
        for event in events.values():
            if event["parent"] is not None:
                parent = parents[event["parent"]]
                assert event["cpt_group"] is not None
                assert parent["cpt_group"] is None
                assert parent["tier"] == "alert"
                same = ("payer", "measure", "direction")
                assert [event[name] for name in same] == [parent[name] for name in same]
                hung += 1
    assert hung > 10


def test_series_without_a_payers_alert_stand_alone(walk: Walk):
    for week in walk.values():
        events = week.events
        alerts = {
            (event["payer"], event["measure"], event["direction"])
            for event in events.values()
            if event["cpt_group"] is None and event["tier"] == "alert"
        }
        for event in events.values():
            if (event["payer"], event["measure"], event["direction"]) not in alerts:
                assert event["parent"] is None


def test_a_payer_that_got_faster_is_an_event_for_the_better(walk: Walk):
    better = lives(walk, "Humana", "days_to_decision", None, "better")
    assert min(better[0]) in range(55, 60)
    assert better[0][min(better[0])]["effect"] >= 1.11
    assert not [life for life in lives(walk, "Humana", "days_to_decision", None) if min(life) in range(55, 66)]


def test_the_default_list_is_open_worse_alerts_and_options_add_the_rest(walk: Walk):
    for week in walk:
        plain, watched, everything = walk[week].lists
        assert watched == [event for event in everything if event["status"] == "open"]
        assert plain == [event for event in watched if (event["tier"], event["direction"]) == ("alert", "worse")]
    lengths = [tuple(map(len, walk[week].lists)) for week in walk]
    assert any(plain < watched < everything for plain, watched, everything in lengths)


def test_a_week_that_cannot_be_judged_leaves_the_event(tmp_path: Path):
    customer()
    claims = claims_of(history(seed=3, series=2, payers=1, weeks=66, volume=25))
    claims = denying_more(claims, pl.lit(True), MONDAY + timedelta(weeks=46), sunday(MONDAY, 65))
    quiet_from = MONDAY + timedelta(weeks=52)
    load(tmp_path, claims.filter((pl.col("submitted") < quiet_from) & (pl.col("decided") < quiet_from)), name="a.csv")
    detect("--as-of", sunday(MONDAY, 51))
    before = answer("events", "--all").document
    far = MONDAY + timedelta(weeks=65)
    last = claims.filter(pl.col("submitted") >= far).head(1).with_columns(decided=None, status=pl.lit("Pending"))
    load(tmp_path, last.cast(dict(claims.schema)), name="b.csv")
    document = detect("--as-of", sunday(MONDAY, 65))
    assert document["not_judged"]["too_few"] >= 2
    denial_events = [event for event in before if event["measure"] == "denial_rate"]
    after = {event["id"]: event for event in answer("events", "--all").document}
    assert denial_events
    for event in denial_events:
        assert after[event["id"]] == event


def test_a_payer_mapped_to_another_takes_its_open_events_along(tmp_path: Path):
    customer()
    load(tmp_path, as_known_on(drifting_claims(), sunday(MONDAY, 51)))
    detect()
    assert {event["payer"] for event in answer("events").document} == {"Aetna"}
    assert answer("map_payer", "Aetna", "Aetna Better Health").code == 0
    detect()
    assert {event["payer"] for event in answer("events").document} == {"Aetna Better Health"}
    assert {event["status"] for event in answer("events", "--all").document if event["payer"] == "Aetna"} == {"closed"}


def test_a_correction_of_the_week_an_event_closed_in_takes_the_same_event_up_again(tmp_path: Path):
    customer()
    claims = as_known_on(drifting_claims(), sunday(MONDAY, 65)).filter(pl.col("payer") == "Aetna")
    load(tmp_path, claims, name="first.csv")
    closing = next(week for week in range(49, 66) if detect("--as-of", sunday(MONDAY, week))["closed"])
    closed = [event for event in answer("events", "--all").document if event["status"] == "closed"]
    recent = (sunday(MONDAY, closing - 8), sunday(MONDAY, closing))
    load(tmp_path, denying_more(claims, pl.lit(True), *recent, share=0.9), name="corrected.csv")
    detect("--as-of", sunday(MONDAY, closing))
    after = {event["id"]: event for event in answer("events", "--all").document}
    assert closed
    assert all(after[event["id"]]["status"] == "open" for event in closed)
    assert {event["episode"] for event in after.values()} == {1}
