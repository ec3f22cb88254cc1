"""What senders call their batches: a name brings its batch once, however often it is sent.

    hold      nobody else brings a batch of this name until the transaction ends
    named     the batch of the name, if there is one and it is what is sent now
    keep      with the batch, in the same transaction

The name and what was sent under it are kept as HMACs under SECRET_KEY, as a sender may take a claim's number for a
name. One who drops the last secret key under which a name was kept has forgotten that name.
"""

import hashlib
import hmac
import json
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from payerwatch.claims.arrivals import Asked
from payerwatch.claims.models import BatchName, Upload
from payerwatch.members.secrets import accepted_keys, signing_key
from payerwatch.refusals import Kind, Refusal
from payerwatch.tenancy.context import current_customer_id

_SIGNS = "batch names"
TOLD_ONCE_IN = timedelta(days=1)


class BatchChanged(Refusal):
    """A batch of this name is here already, and what was sent under it now is something else."""

    kind = Kind.CONFLICT

    def __init__(self, public_id: str) -> None:
        super().__init__(
            f"Another body was sent under this name before, as {public_id}.",
            fix=f"Look at {public_id}. What is new goes under a name of its own; claims are known by their number.",
        )
        self.public_id = public_id


def hold(name: str) -> None:
    """Wait until nobody else is bringing a batch of this name. On SQLite the transaction itself is that lock."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(_scope(name)).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def said(digest: str, asked: Asked) -> bytes:
    """What is sent under a name: the bytes, by their digest, and how they are to be read."""
    read_as = [asked.form, sorted((asked.mapping or {}).items()), asked.date_order]
    return json.dumps([digest, *read_as]).encode()


def named(name: str, sent: bytes) -> str | None:
    """The public id of the batch that was sent under this name; None where none was. Raises BatchChanged."""
    kept = BatchName.objects.filter(digest__in=_digests(_scope(name))).first()
    if kept is None:
        return None
    if not any(hmac.compare_digest(kept.content, each) for each in _digests(sent)):
        raise BatchChanged(kept.public_id)
    return kept.public_id


def keep(name: str, upload: Upload, sent: bytes) -> None:
    key = signing_key(_SIGNS).key
    BatchName.objects.create(public_id=upload.public_id, digest=_digest(key, _scope(name)), content=_digest(key, sent))


def count_conflict(public_id: str) -> int:
    """Note that the batch's name was sent with something else; how often that was, where it is the first in a day.

    Otherwise 0: a sender that goes on so is told of once.
    """
    now = timezone.now()
    kept = BatchName.objects.select_for_update().get(public_id=public_id)
    first = kept.told_at is None or now - kept.told_at >= TOLD_ONCE_IN
    kept.conflicts, kept.last_conflict_at = kept.conflicts + 1, now
    kept.told_at = now if first else kept.told_at
    kept.save(update_fields=["conflicts", "last_conflict_at", "told_at"])
    return kept.conflicts if first else 0


def name_of(public_id: str) -> BatchName | None:
    """What is kept of the batch's name; None where it has none."""
    return BatchName.objects.filter(public_id=public_id).first()


def _scope(name: str) -> bytes:
    return json.dumps([current_customer_id(), name]).encode()


def _digests(text: bytes) -> list[str]:
    """Under the present SECRET_KEY and those before it, so that changing it makes nothing come twice."""
    return [_digest(key, text) for key in accepted_keys(_SIGNS).values()]


def _digest(key: bytes, text: bytes) -> str:
    return hmac.new(key, text, "sha256").hexdigest()
