"""Everything that the API and the jobs ask, asked as one customer after the other."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import partial
from http import HTTPStatus
from itertools import chain, product
from typing import Any

from plans_fill import ACTOR, Filled, public_id
from plans_read import Plans
from tests.api.fixtures import QUERIES
from tests.api.makers import Practice, one_of_each
from tests.api.routes import endpoints
from tests.api.world import World, ask, newcomer, unhindered
from tests.deliveries.lanes import posted
from tests.queries.operations import REFUSED, Operation, Practised, operations
from tests.queries.steps import CAUSES

from payerwatch import pipeline, schedule
from payerwatch.claims.models import Upload
from payerwatch.drift.actions import NothingToJudge
from payerwatch.jobs.steps import name_of
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer

# By view and action: values that much of what was filled has, where the tests' own are rare.
_COMMON: Mapping[str, Mapping[str, Any]] = {
    "Alerts.list": {"rule": public_id("rul", 1), "drift_event": public_id("evt", 7), "payer": "Payer 1"},
    "AuditEntries.list": {
        "actor": public_id("per", 3), "verb": "read", "thing_kind": "claim", "thing": "clm_7", "request_id": "req_7",
    },
    "Claims.list": {
        "claim_number": "C000000042", "payer": "Payer 1", "cpt": "99000", "cpt_group": "group_0", "denial_code": "1",
        "upload": public_id("upl", 7), "search": "Payer 1", "outcome": "paid",
    },
    "DriftEvents.list": {"payer": "Payer 1", "cpt_group": "group_1", "search": "Payer 1", "status": "closed"},
    "Messages.list": {"endpoint": public_id("end", 1), "about": public_id("alr", 7), "state": "delivered"},
    "PayerMappings.list": {"payer": "Payer 1", "search": "Payer"},
    "PayerSummary.list": {"payer": "Payer 1", "cpt_group": "group_0"},
    "Payers.list": {"search": "Payer"},
    "Uploads.list": {"state": "undone"},
}  # fmt: skip
_DETAILS = (
    f"drift-events/{public_id('evt', 7)}/",
    f"drift-events/{public_id('evt', 7)}/claims/",
    f"alerts/{public_id('alr', 7)}/",
    f"uploads/{public_id('upl', 7)}/",
    f"drift-runs/{public_id('run', 7)}/",
    f"messages/{public_id('msg', 7)}/attempts/",
    f"rules/{public_id('rul', 1)}/replay/",
)
SLOW = 1.0  # seconds


def ask_everything(chosen: Mapping[str, Filled], plans: Plans) -> None:
    logging.disable(logging.ERROR)
    with unhindered(), posted():
        other = _practice(pipeline.add_customer("Quokka practice", actor=ACTOR), "Quokka")
        one_of_each(other)
        for size, filled in chosen.items():
            own = _practice(Customer.objects.get(pk=filled.customer), f"Wombat {size}")
            one_of_each(own)
            world = World(own, other)
            for name, do in chain(_jobs(own), _by_hand(own), _requests(world), _details(world)):
                _done(f"{size}: {name}", do, plans)
        for each in schedule.PERIODIC:
            _done(f"periodically: {each.name}", each.work, plans)


def _done(name: str, do: Callable[[], Any], plans: Plans) -> None:
    began = time.monotonic()
    with plans.of(name):
        do()
    taken = time.monotonic() - began
    if taken > SLOW:
        print(f"{taken:6.1f} s  {name}", flush=True)


def _practice(customer: Customer, word: str) -> Practice:
    practice = Practice(customer, word)
    for role in ("owner", "admin", "analyst", "viewer"):
        practice.people[role] = newcomer(practice, role)
    return practice


def _jobs(own: Practice) -> Iterator[tuple[str, Callable[[], Any]]]:
    for step, cause in CAUSES.items():
        cause_id = cause(own)
        yield name_of(step), partial(step, own.customer.pk, cause_id)


def _by_hand(own: Practice) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What changes many claims at once: undoing a file, and naming other payers and groups."""
    with acting_in(own.customer):
        newest = Upload.objects.filter(state=Upload.State.LOADED).order_by("-pk").values_list("public_id", flat=True)[0]
    yield "judge an old week", lambda: _judge(own.customer, date(2025, 3, 2))
    yield "undo", lambda: pipeline.undo(own.customer, newest, actor=ACTOR)
    yield "map a payer", lambda: pipeline.map_payer(own.customer, "Payer 80", "Payer 1", actor=ACTOR)
    yield "map a code", lambda: pipeline.map_cpt_group(own.customer, "99399", "99399", "own", actor=ACTOR)


def _judge(customer: Customer, day: date) -> None:
    with suppress(NothingToJudge):
        pipeline.detect(customer, day, actor=ACTOR)


def _requests(world: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    practised = Practised(world)
    for operation in chain(operations(), _listings()):
        yield operation.name, _asking(practised, operation)


NOT_WELL = "GET health/"
"""Says so: no worker runs."""


def _asking(practised: Practised, operation: Operation) -> Callable[[], None]:
    headers, request = practised.prepared(operation)

    def do() -> None:
        answer = practised.ask(operation.endpoint, headers, request)
        if answer.status >= HTTPStatus.BAD_REQUEST and operation.name not in {*REFUSED, NOT_WELL}:
            raise SystemExit(f"{operation.name} was answered with {answer.status}: {answer.text}")

    return do


def _listings() -> Iterator[Operation]:
    """Each listing in each order, by nothing and by each filter with a rare and a common value, two pages of it."""
    for endpoint in endpoints():
        if not endpoint.in_pages:
            continue
        filters = [{}, *_filters(QUERIES.get(endpoint.key, {})), *_filters(_COMMON.get(endpoint.key, {}))]
        orders = [{"order": order} for order in endpoint.view.orders] or [{}]
        for order, asked, further in product(orders, filters, (False, True)):
            yield Operation(endpoint, order | asked, further)


def _filters(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return ({name: value} for name, value in values.items())


def _details(world: World) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Of rows that were filled, which have much about them."""
    headers = world.headers("owner")
    for path in _DETAILS:
        yield f"GET {path}", partial(ask, headers, "GET", f"/api/v1/{path}")
