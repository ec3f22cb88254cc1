"""The record of what was done: one entry, in the same transaction as the change.

    with acting_in(customer):
        ... change something ...
        record("undo", Thing("upload", upload.public_id), actor=actor, after={"removed_claims": 12})

The chain stays locked until the transaction ends, so `record` comes last in an action. Where one transaction
records for the installation and for a customer, the installation comes first, in every action alike.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from django.db import transaction

from payerwatch.audit.actors import Actor
from payerwatch.audit.chain import append
from payerwatch.audit.checkpointing import checkpoint_on_commit
from payerwatch.audit.models import Entry
from payerwatch.audit.verifying.definition import CONTENT
from payerwatch.config.trace_context import trace_id
from payerwatch.tenancy.context import current_customer_id

Outcome = Literal["done", "refused"]
_LIMITS = {name: getattr(Entry._meta.get_field(name), "max_length", None) for name in CONTENT}


@dataclass(frozen=True)
class Thing:
    """What it was done to: a noun of the product (`upload`, `payer`) and its public id, if it has one."""

    kind: str
    id: str = ""


def record(
    verb: str,
    thing: Thing,
    *,
    actor: Actor,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: Outcome = "done",
) -> None:
    """Append an entry to the chain of the customer entered. Raises NoCustomer outside acting_in.

    `before` and `after` are small: ids, numbers, dates and our own words, never a value from a claim, a
    secret or a file's name. A reading acting_in may record: the entry then has a transaction of its own on SQLite.
    """
    _append(current_customer_id(), _content(verb, thing, actor, outcome, before, after))


def record_for_installation(
    verb: str,
    thing: Thing,
    *,
    actor: Actor,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    outcome: Outcome = "done",
) -> None:
    """Append an entry to the installation's chain: what belongs to no customer. Otherwise as `record`."""
    _append(None, _content(verb, thing, actor, outcome, before, after))


def _append(customer: int | None, content: list[str]) -> None:
    with transaction.atomic(savepoint=False):
        append(customer, content, checkpoint_on_commit(customer))


def _content(
    verb: str,
    thing: Thing,
    actor: Actor,
    outcome: Outcome,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> list[str]:
    """The entry's columns in the order of CONTENT. Where no request is at work, it belongs to its trace."""
    request = actor.request_id or trace_id()
    who = [actor.kind, actor.id, actor.name, actor.role, actor.address, request]
    words = [*who, verb, thing.kind, thing.id, outcome]
    fitted = [_fitted(word, _LIMITS[name]) for name, word in zip(CONTENT, words, strict=False)]
    return [*fitted, _detail(before, after, trace="" if request == trace_id() else trace_id())]


def _fitted(word: str, limit: int | None) -> str:
    """The word as any database can store it: names and request ids come from outside and stop no entry."""
    if not word.isprintable():
        word = "".join(letter if letter.isprintable() else "?" for letter in word)
    return word[:limit]


def _detail(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, trace: str) -> str:
    """Canonical JSON in ASCII: keys sorted, no spaces; empty where nothing is said."""
    said: dict[str, Any] = {
        name: dict(value) for name, value in (("before", before), ("after", after)) if value is not None
    }
    if trace:
        said["trace"] = trace
    if not said:
        return ""
    return _CANONICAL.encode(said)


def _plain(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"An entry cannot hold a {type(value).__name__}.")


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
