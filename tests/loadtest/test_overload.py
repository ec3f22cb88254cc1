"""What is not good enough of an open model's answers, below capacity, beyond it and after."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadtest.arrivals import Answered, Phase
from loadtest.overload import Overload, _keep, _say

pytestmark = pytest.mark.pure

CAPACITY, SECONDS, AFTER = 20, 20, 20
PHASES = (Phase("at 70%", 14, SECONDS), Phase("at 150%", 30, SECONDS), Phase("at 70% again", 14, AFTER))


def answers(phase: Phase, begin: float, *, shed: int = 0, status: int = 503, good: float = 0.02, late: float = 0.001,
            told: float = 0.01) -> Iterator[Answered]:  # fmt: skip
    """Of each three requests so many are refused with the status."""
    for number in range(round(phase.rate * phase.seconds)):
        due = begin + number / phase.rate
        refused = number % 3 < shed
        yield Answered("reports", due, due + late, due + (told if refused else good), status if refused else 200)


def overload(**changed: dict[str, float]) -> Overload:
    """As it should be, but for what is changed of a part: `below`, `beyond`, `again`."""
    usual = {"below": {}, "beyond": {"shed": 1, "good": 0.6}, "again": {}}
    begins = dict(zip(usual, (0, SECONDS, 2 * SECONDS), strict=True))
    found = []
    for (name, begin), phase in zip(begins.items(), PHASES, strict=True):
        found += answers(phase, begin, **(usual[name] | changed.get(name, {})))
    return Overload(CAPACITY, PHASES, found)


def test_who_sheds_what_is_too_much_and_nothing_else_is_good_enough():
    assert overload().shortcomings == []
    assert overload(beyond={"shed": 1, "status": 429}).shortcomings == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"below": {"good": 0.1}}, ["at 70%: p95 100 ms, must be below 100 ms"]),
        ({"below": {"shed": 1}}, ["at 70%: 94 of 280 failed or were shed, none may"]),
        ({"below": {"late": 0.2, "good": 0.05}}, ["at 70%: the generator was 200 ms late for one request in a hundred: "
                                                  "nothing is known"]),
        ({"beyond": {"shed": 0}}, ["at 150%: nothing was shed"]),
        ({"beyond": {"shed": 1, "status": 500}}, ["at 150%: 200 neither answered nor shed, by status: {500: 200}",
                                                  "at 150%: nothing was shed"]),
        ({"beyond": {"shed": 1, "told": 0.6}}, ["at 150%: p95 of what was shed 600 ms, must be below 500 ms"]),
        ({"beyond": {"shed": 2}}, ["at 150%: 50% of capacity answered, must be 80%"]),
        ({"again": {"good": 0.2}}, ["at 70% again: recovered after inf s, must within 5 s"]),
    ],
)  # fmt: skip
def test_what_is_not_good_enough_is_named(changed: dict[str, dict[str, float]], found: list[str]):
    assert overload(**changed).shortcomings == found


def test_what_fails_once_it_had_recovered_is_named():
    measured = overload()
    last = measured.answered[-1]
    measured.answered[-1] = last._replace(status=503)
    [found] = measured.shortcomings
    assert found == f"at 70% again: 1 of {14 * (AFTER - 5)} failed or were shed, none may"


def test_it_is_said_and_each_second_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _say(overload())
    said = capsys.readouterr().out
    assert "recovered 0 s after the overload" in said
    [beyond] = [line.split() for line in said.splitlines() if line.startswith("at 150%")]
    assert beyond[2:8] == ["30.0", "20.0", "200", "0", "600.0", "ms"]
    _keep(tmp_path / "seconds.csv", overload())
    rows = list(csv.DictReader((tmp_path / "seconds.csv").read_text().splitlines()))
    assert len(rows) == 2 * SECONDS + AFTER
    assert (rows[0]["requests"], rows[0]["shed"], rows[SECONDS]["shed"]) == ("14", "0", "10")
