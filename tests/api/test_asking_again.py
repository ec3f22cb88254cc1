"""Answers carry a tag over their bytes; who has these is told so without them. Each look is recorded."""

import pytest

from payerwatch.audit.models import Entry
from payerwatch.tenancy.context import acting_in
from tests.api.makers import MAKERS, claim
from tests.api.routes import Endpoint, endpoints
from tests.api.world import Answer, World, ask

pytestmark = pytest.mark.django_db(transaction=True)

# What these answer is never the same: a listing of the trail has the entry of the look before, a form a new token.
NEVER_THE_SAME = {"AuditEntries.list", "AuditEntries.export", "SignIn.prepare", "Uploads.rejected_rows"}
# What speaks of no customer may be kept by caches.
OF_NOBODY = {"Documentation", "Description"}
READINGS = [each for each in endpoints() if each.method == "GET" and each.key not in NEVER_THE_SAME]


def path_of(endpoint: Endpoint, world: World) -> str:
    return endpoint.path(**{name: MAKERS[endpoint.thing](world.own) for name in endpoint.parameters})


def header(answer: Answer, name: str) -> str | None:
    return dict(answer.headers).get(name)


def entries(world: World) -> int:
    with acting_in(world.own.customer):
        return Entry.objects.count()


@pytest.mark.parametrize("endpoint", READINGS, ids=lambda each: each.name)
def test_what_one_has_is_not_sent_again_and_the_look_is_recorded(endpoint: Endpoint, world: World):
    headers, path = world.headers("owner"), path_of(endpoint, world)
    ask(headers, "GET", path)  # a first look may note when the caller was last seen, which some answers show
    before = entries(world)
    first = ask(headers, "GET", path)
    recorded = entries(world) - before
    tag = header(first, "ETag")
    assert first.status == 200
    assert tag is not None
    assert tag.startswith('"')
    again = ask({**headers, "If-None-Match": tag}, "GET", path)
    assert (again.status, again.body) == (304, b"")
    assert header(again, "ETag") == tag
    assert header(again, "Content-Type") is None
    kept = "no-cache" if endpoint.resource in OF_NOBODY else "no-store"
    assert header(again, "Cache-Control") == header(first, "Cache-Control") == kept
    assert entries(world) - before == 2 * recorded
    assert recorded == endpoint.view.reading_is_recorded
    head = ask({**headers, "If-None-Match": tag}, "HEAD", path)
    assert (head.status, header(head, "ETag")) == (304, tag)
    assert header(ask(headers, "HEAD", path), "ETag") == tag


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('W/"other" , W/{tag}', 304),
        ("*", 304),
        (' "a,b",{tag}', 304),
        ('"other"', 200),
        ("other", 200),
        ('{tag}x"', 200),
        ('"*"', 200),
        ("", 200),
        ("\x7f", 200),
    ],
)
def test_tags_are_compared_as_http_says(given: str, status: int, world: World):
    headers, path = world.headers("owner"), f"/api/v1/claims/{claim(world.own)}/"
    tag = header(ask(headers, "GET", path), "ETag")
    assert ask({**headers, "If-None-Match": given.format(tag=tag)}, "GET", path).status == status


def test_what_was_changed_has_another_tag_and_comes_whole(world: World):
    headers, path = world.headers("owner"), "/api/v1/claims/?page_size=2"
    tag = header(ask(headers, "GET", path), "ETag")
    claim(world.own)
    answer = ask({**headers, "If-None-Match": str(tag)}, "GET", path)
    assert answer.status == 200
    assert header(answer, "ETag") != tag


@pytest.mark.parametrize("path", ["claims/clm_999999999/", "claims/?page_size=0", "nowhere/"])
def test_a_refusal_has_no_tag_and_is_never_unchanged(path: str, world: World):
    answer = ask({**world.headers("owner"), "If-None-Match": "*"}, "GET", f"/api/v1/{path}")
    assert answer.status in (400, 404)
    assert header(answer, "ETag") is None


def test_who_may_not_read_learns_nothing_by_a_tag(world: World):
    path = f"/api/v1/claims/{claim(world.own)}/"
    tag = header(ask(world.headers("owner"), "GET", path), "ETag")
    for caller, status in (("anonymous", 401), ("key that cannot read", 403), ("person of the other", 401)):
        assert ask({**world.headers(caller), "If-None-Match": str(tag)}, "GET", path).status == status


def test_a_change_that_needs_none_has_no_tag(world: World):
    path = f"/api/v1/members/{MAKERS['member'](world.own)}/"
    answer = ask(world.headers("owner"), "PATCH", path, body={"role": "analyst"})
    assert answer.status == 200
    assert header(answer, "ETag") is None
