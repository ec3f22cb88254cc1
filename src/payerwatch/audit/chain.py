"""Appending to a chain: on PostgreSQL the database does it, on SQLite this module under its triggers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from payerwatch.audit.models import Chain, Entry, InstallationChain, InstallationEntry
from payerwatch.audit.verifying.definition import CONTENT, GENESIS, entry_digest, microseconds


@dataclass(frozen=True)
class Head:
    """A chain's newest entry; the installation's chain has no customer."""

    customer: int | None
    position: int
    digest: bytes
    at: datetime


def append(customer: int | None, content: Sequence[str], told: Callable[[Head], None]) -> None:
    """Append to the chain of the customer entered, or with None to the installation's; within a transaction.

    `content` is in the order of CONTENT. The entry is there before the next statement or the commit, and the head is
    told by then. From then until the transaction ends the chain is locked.
    """
    if connection.vendor == "postgresql":
        _append_by_function(customer, content, told)
    else:
        told(_append_by_rows(customer, content))


def _append_by_function(customer: int | None, content: Sequence[str], told: Callable[[Head], None]) -> None:
    """No journey of its own. The function takes the customer from the transaction, never from its caller."""
    function = "audit_append_for_installation" if customer is None else "audit_append"
    connection.ask_with_next(  # type: ignore[attr-defined]
        function, content, lambda row: told(Head(customer, row[0], bytes(row[1]), row[2]))
    )


def _append_by_rows(customer: int | None, content: Sequence[str]) -> Head:
    entries: Any = InstallationEntry if customer is None else Entry
    chains: Any = InstallationChain if customer is None else Chain
    only = {"pk": 1} if customer is None else {}
    head = chains.objects.filter(**only).first() or chains.objects.create(**only, length=0, digest=GENESIS)
    previous, position, at = bytes(head.digest), head.length + 1, timezone.now()
    digest = entry_digest(previous, position, microseconds(at), customer, content)
    columns = dict(zip(CONTENT, content, strict=True))
    entries.objects.create(position=position, at=at, previous=previous, digest=digest, **columns)
    chains.objects.filter(pk=head.pk).update(length=position, digest=digest)
    return Head(customer, position, digest, at)
