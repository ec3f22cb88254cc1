"""Checkpoints of entries whose own could not be written: the disk was full, or the process ended after the commit.

An entry that is followed by another needs none, as the later one's checkpoint vouches for both. So it is the newest
entry of each chain that is looked at.
"""

from collections.abc import Iterable

from payerwatch.audit.chain import Head
from payerwatch.audit.checkpointing import checkpoint_directory, write_checkpoint
from payerwatch.audit.models import Entry, EntryFields, InstallationEntry
from payerwatch.audit.verifying.checkpoints import read_checkpoints
from payerwatch.audit.verifying.definition import chain_name
from payerwatch.tenancy.context import acting_in


def write_overdue_checkpoint(customer: int | None) -> None:
    """Of a customer's chain, or with None of the installation's."""
    if customer is None:
        newest = _newest(InstallationEntry.objects.order_by("-position")[:1])
    else:
        with acting_in(customer, reading=True):
            newest = _newest(Entry.objects.order_by("-position")[:1])
    if newest is None:
        return
    written = read_checkpoints(checkpoint_directory(), chain_name(customer))
    if all(each.position < newest.position for each in written):
        write_checkpoint(Head(customer, newest.position, bytes(newest.digest), newest.at))


def _newest(entries: Iterable[EntryFields]) -> EntryFields | None:
    return next(iter(entries), None)
