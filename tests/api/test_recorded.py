"""What is looked at and what is refused leaves an entry, and what fails leaves nothing else."""

from typing import Any

import pytest
from django.test import override_settings
from rest_framework.request import Request as Asked
from rest_framework.response import Response

from payerwatch.audit import record
from payerwatch.audit.models import Entry
from payerwatch.members.actions import LastOwner
from payerwatch.members.door import READING_METHODS
from payerwatch.members.roles import Permission
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from payerwatch.web.api.settings import Settings
from tests.api.asking import Asker, Request
from tests.api.footprint import footprint
from tests.api.leaky import with_views
from tests.api.makers import Practice, missing
from tests.api.role_table import may_reach
from tests.api.routes import Endpoint, endpoints
from tests.api.world import World, ask, matching

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.untraced]

# What shows claims, their files or entries: each request of it is recorded.
RECORDED = {
    "Claims.list", "Claims.retrieve", "Uploads.list", "Uploads.retrieve", "Uploads.rejected_rows", "Uploads.stats",
    "AuditEntries.list", "AuditEntries.retrieve", "AuditEntries.export", "EventClaims.list", "PayerMappings.list",
    "PayerMappings.retrieve", "IngestClaims.retrieve",
}  # fmt: skip


def entries(practice: Practice) -> list[Entry]:
    with acting_in(practice.customer):
        return list(Entry.objects.order_by("position"))


def new_entries(asker: Asker, endpoint: Endpoint, headers: dict[str, str], request: Request) -> tuple[int, list[Entry]]:
    before = len(entries(asker.world.own))
    answer = asker.ask(endpoint, headers, request)
    return answer.status, entries(asker.world.own)[before:]


def test_each_look_at_claims_or_entries_is_one_entry_and_any_other_look_is_none(world: World):
    asker, headers = Asker(world), world.headers("owner")
    for endpoint in endpoints():
        if endpoint.method in {"GET", "HEAD"}:
            status, new = new_entries(asker, endpoint, headers, Request(asker.own_path(endpoint)))
            assert status == 200
            assert len(new) == (1 if endpoint.key in RECORDED else 0), endpoint.name
            assert all(each.outcome == "done" for each in new)


def test_an_entry_of_a_look_has_the_filter_and_the_count_and_nothing_of_a_patient(world: World):
    asker, headers = Asker(world), world.headers("viewer")
    (claims,) = [each for each in endpoints() if each.name == "GET claims/"]
    word = world.own.word
    query = {"payer": f"{word} payer", "claim_number": f"{word} 7", "outcome": "denied", "page_size": "2"}
    status, (entry,) = new_entries(asker, claims, headers, Request(claims.path(), query=query))
    assert (status, entry.verb, entry.thing_kind, entry.role) == (200, "read", "claim", "viewer")
    asked = '"filter":{"claim_number":"(given)","outcome":"denied","page_size":"2","payer":"(given)"}'
    assert asked in entry.detail
    assert '"count":0' in entry.detail
    assert word not in entry.detail


def test_what_a_role_is_refused_is_one_entry(world: World):
    asker, headers = Asker(world), world.headers("key that cannot read")
    for endpoint in endpoints():
        if isinstance(endpoint.needs, Permission) and not may_reach(endpoint.key, "key that cannot read"):
            request = asker.plain(endpoint)
            status, new = new_entries(asker, endpoint, headers, request)
            assert (status, [each.outcome for each in new]) == (403, ["refused"]), endpoint.name
            assert new[0].actor_kind == "key"


def test_a_change_or_a_look_at_claims_that_is_not_there_is_one_entry(world: World):
    asker, headers = Asker(world), world.headers("owner")
    for endpoint in endpoints():
        if endpoint.parameters:
            path = endpoint.path(public_id=missing(endpoint.thing))
            status, new = new_entries(asker, endpoint, headers, Request(path, body=asker.body(endpoint)))
            recorded = endpoint.key in RECORDED or endpoint.method not in READING_METHODS
            assert (status, [each.outcome for each in new]) == (404, ["refused"] if recorded else []), endpoint.name


def test_a_body_that_cannot_be_used_changes_nothing(world: World):
    asker = Asker(world)
    for endpoint in endpoints():
        body = asker.body(endpoint)
        if body:
            request = Request(asker.own_path(endpoint), body={name: {"not": ["usable"]} for name in body})
            headers = world.headers("owner")  # of a session just begun: of an older one it is noted that it is in use
            before = footprint(world.own)
            assert asker.ask(endpoint, headers, request).status == 400, endpoint.name
            assert footprint(world.own) == before, endpoint.name


def test_a_request_that_fails_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch):
    """The entry comes last in every action: where it cannot be written, nothing before it stays."""

    def fail(_customer: int | None, _content: Any) -> None:
        raise RuntimeError("no entry today")

    asker, failed = Asker(world), set()
    for endpoint in endpoints():
        request = asker.plain(endpoint)
        headers = world.headers("owner")
        before = footprint(world.own)
        with monkeypatch.context() as patch:
            patch.setattr(record, "append", fail)
            status = asker.ask(endpoint, headers, request).status
        if status == 500:
            failed.add(endpoint.key)
            assert footprint(world.own) == before, endpoint.name
    changes = {
        each.key for each in endpoints() if isinstance(each.needs, Permission) and each.method not in READING_METHODS
    }
    assert failed >= (changes - {"Members.resume", "Settings.change"}) | RECORDED


class ChangesAndThenRefuses(Settings):
    stands_for = "Settings"
    error: Exception = LastOwner()

    def change(self, request: Asked) -> Response:
        super().change(request)
        raise self.error


class ChangesAndThenFails(ChangesAndThenRefuses):
    error = RuntimeError("too late")


@pytest.mark.parametrize(("view", "status"), [(ChangesAndThenRefuses, 409), (ChangesAndThenFails, 500)])
def test_what_was_changed_before_a_refusal_or_failure_is_undone(view: type[Settings], status: int, world: World):
    before = len(entries(world.own))
    with override_settings(ROOT_URLCONF=with_views(view)):
        body = {"second_factor_required": True}
        answer = ask(matching(world.headers("owner"), "/api/v1/settings/"), "PATCH", "/api/v1/settings/", body=body)
    assert answer.status == status
    assert not Customer.objects.get(pk=world.own.customer.pk).second_factor_required
    assert [each.outcome for each in entries(world.own)[before:]] == (["refused"] if status == 409 else [])
