"""Chains as they are stored, for the verifier."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db.models import Max, QuerySet

from payerwatch.audit.models import Chain, Entry, InstallationChain, InstallationEntry
from payerwatch.audit.verifying.checkpoints import read_checkpoints
from payerwatch.audit.verifying.definition import CONTENT, GENESIS, StoredEntry, chain_name, microseconds
from payerwatch.audit.verifying.diagnosis import Problem
from payerwatch.audit.verifying.walking import Claimed, Verdict, verify
from payerwatch.tenancy.context import acting_in

_COLUMNS = ("position", "at", *CONTENT, "previous", "digest")
_AT_ONCE = 5_000


@dataclass(frozen=True)
class ChainHead:
    length: int
    digest: bytes


def chain_head(customer: int | None) -> ChainHead:
    """The head of the chain of the customer entered, or with None of the installation's."""
    chains: Any = InstallationChain if customer is None else Chain
    head = chains.objects.first()
    return ChainHead(0, GENESIS) if head is None else ChainHead(head.length, bytes(head.digest))


def stored_entries(customer: int | None, first: int, last: int) -> Iterator[StoredEntry]:
    """The entries from one position to another, in order; for the customer entered, or with None the installation's."""
    wanted = rows(customer).filter(position__gte=first, position__lte=last).order_by("position")
    for row in wanted.values_list(*_COLUMNS).iterator(chunk_size=_AT_ONCE):
        position, at, *content, previous, digest = row
        yield StoredEntry(customer, position, microseconds(at), tuple(content), bytes(previous), bytes(digest))


def verify_stored(
    customer: int | None, others: Sequence[int | None], directory: Path, key: Ed25519PublicKey | None
) -> Verdict:
    """Verify one chain while others append to it. `others` are the chains an entry may have been swapped with,
    `directory` holds the checkpoints.

    Checkpoints are read first, then the head, then the entries up to it: what is written meanwhile is left out.
    """
    checkpoints = read_checkpoints(directory, chain_name(customer))
    with entered(customer):
        head = chain_head(customer)
        claimed = Claimed(customer, head=(head.length, head.digest), other_chains=others)
        verdict = verify(stored_entries(customer, 1, head.length), claimed, checkpoints, key)
        newest = rows(customer).aggregate(newest=Max("position"))["newest"] or 0
        length = chain_head(customer).length
    if newest > length:
        verdict.problems.append(Problem("inserted", length + 1, "stands beyond the head of the chain"))
    if verdict.stands and not verdict.length:
        verdict.problems.append(Problem("cut", 1, "is missing: every chain has at least one"))
    if verdict.stands and not verdict.vouched_until:
        verdict.problems.append(Problem("unvouched", 1, "and those after it are vouched for by no signed checkpoint"))
    return verdict


def rows(customer: int | None) -> QuerySet[Any]:
    """The entries of the customer entered, or with None the installation's."""
    return InstallationEntry.objects.all() if customer is None else Entry.objects.all()


def entered(customer: int | None) -> AbstractContextManager[None]:
    """The customer, to read its chain; the installation's needs nothing."""
    return nullcontext() if customer is None else acting_in(customer, reading=True)
