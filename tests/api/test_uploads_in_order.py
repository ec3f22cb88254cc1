"""The listing of uploads: a file keeps the place in which it came, whatever becomes of it."""

from pathlib import Path
from random import Random

import pytest

from payerwatch import receiving
from payerwatch.claims import arrivals
from payerwatch.claims.arrivals import Asked
from payerwatch.claims.models import Upload
from payerwatch.tenancy.context import acting_in
from tests.api.loaded import Loaded, Work
from tests.api.test_paging import ids, page
from tests.make import ACTOR, claims_file, row, upload

pytestmark = pytest.mark.django_db(transaction=True)

UPLOADS = "/api/v1/uploads/"


def sent(practice: Loaded, folder: Path, number: str) -> str:
    """A file that waits to be loaded."""
    content = claims_file(folder, [row(number=number)]).read_bytes()
    with acting_in(practice.customer):
        return receiving.receive(content, Asked(f"{number}.csv"), actor=ACTOR).public_id


def all_kinds(practice: Loaded, folder: Path) -> list[str]:
    """Files that wait, between them one that a command has loaded and one that repeats another; newest first."""
    came = [sent(practice, folder, f"C{number}") for number in range(4)]
    upload(folder, [row(number="by a command")])
    with acting_in(practice.customer):
        came.append(Upload.objects.get(state=Upload.State.LOADED).public_id)
    came += [sent(practice, folder, number) for number in ("C4", "C0", "C5")]
    return came[::-1]


def end_of(practice: Loaded, size: int) -> str:
    link = f"{UPLOADS}?page_size={size}"
    while following := page(practice.headers, link)["next"]:
        link = following
    return link


@pytest.mark.parametrize("way", ["next", "previous"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_walk_meets_each_upload_once_though_files_are_loaded_between_its_pages(
    practice: Loaded, steps: list[Work], tmp_path: Path, way: str, size: int
):
    newest_first = all_kinds(practice, tmp_path)
    link: str | None = f"{UPLOADS}?page_size={size}" if way == "next" else end_of(practice, size)
    seen: list[list[str]] = []
    chance = Random(f"{way}{size}")
    chance.shuffle(steps)
    while link is not None:
        shown = page(practice.headers, link)
        seen.append(ids(shown))
        link = shown[way]
        for _ in range(min(len(steps), 2)):
            steps.pop()()
    found = seen if way == "next" else seen[::-1]
    assert [each for one_page in found for each in one_page] == newest_first


def test_what_was_loaded_stands_where_it_was_when_it_came(practice: Loaded, steps: list[Work], tmp_path: Path):
    newest_first = all_kinds(practice, tmp_path)
    assert ids(practice.get("uploads/")) == newest_first
    while steps:
        steps.pop()()
    states = {each["state"] for each in practice.get("uploads/")["results"]}
    assert states == {"loaded", "repeated"}
    assert ids(practice.get("uploads/")) == newest_first


def test_a_file_in_slices_has_the_place_in_which_it_was_begun(practice: Loaded, steps: list[Work], tmp_path: Path):
    content = claims_file(tmp_path, [row(number="in slices")]).read_bytes()
    with acting_in(practice.customer):
        begun = arrivals.begin(len(content), Asked("slices.csv"))
    whole = sent(practice, tmp_path, "C1")
    with acting_in(practice.customer):
        receiving.append(begun, 0, content, actor=ACTOR)
    while steps:
        steps.pop(0)()
    assert ids(practice.get("uploads/")) == [whole, begun.public_id]
