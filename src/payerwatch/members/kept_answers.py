"""Answers that are kept, so that a request which is sent again is not done again.

    find    in the request's transaction, before anything is done: the answer that was kept, if any
    keep    in the same transaction, once it is done: both stay, or neither does

A request is known by its customer, its caller, its route with the ids in it, and the key that the caller chose.
What refused or failed is not kept: it has changed nothing, so its key is free again.
"""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from payerwatch.members.models import KeptAnswer
from payerwatch.members.secrets import accepted_keys, signing_key
from payerwatch.refusals import Kind, Refusal
from payerwatch.sealing.keys import newest_key_id, seal_secret_under, unseal_secret
from payerwatch.tenancy.context import current_customer_id

KEPT_FOR = timedelta(days=30)
MOST_FORGOTTEN = 100  # with each answer that is kept, so that none waits long for it
_SIGNS = "idempotency"


class IdempotencyKeyReused(Refusal):
    """The key was sent before with another body."""

    kind = Kind.INVALID

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was sent before, with another request.",
            fix="Send the first request again as it was, or choose a new key for this one.",
        )


class RequestInProgress(Refusal):
    """A request with the same key is being done at this moment."""

    kind = Kind.CONFLICT

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is being done now.",
            fix="Send it again in a moment, under the same key.",
        )


@dataclass(frozen=True)
class Asking:
    """A request of the customer entered: who asks (a public id), for what, under which key, with what."""

    caller: str
    route: str
    key: str
    payload: bytes

    @property
    def scope(self) -> bytes:
        """What names the request, of this customer alone."""
        return json.dumps([current_customer_id(), self.caller, self.route, self.key]).encode()


@dataclass(frozen=True)
class Answered:
    """What was answered: all that must be the same when the request comes again."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def find(asking: Asking) -> Answered | None:
    """The answer that was kept. Nobody else does this request until the transaction ends.

    Raises RequestInProgress or IdempotencyKeyReused.
    """
    _hold(asking.scope)
    kept = KeptAnswer.objects.filter(digest__in=_digests(asking.scope), kept_at__gt=timezone.now() - KEPT_FOR).first()
    if kept is None:
        return None
    if not any(hmac.compare_digest(kept.payload, each) for each in _digests(asking.payload)):
        raise IdempotencyKeyReused
    return _opened(kept)


def keep(asking: Asking, answered: Answered) -> None:
    """Keep the answer for KEPT_FOR, and forget some that were kept for longer. Raises FieldKeyMissing."""
    _forget_old()
    digest = _digest(signing_key(_SIGNS).key, asking.scope)
    KeptAnswer.objects.update_or_create(
        digest=digest,
        defaults={
            "payload": _digest(signing_key(_SIGNS).key, asking.payload),
            "answer": _sealed(answered, newest_key_id(), digest),
            "kept_at": timezone.now(),
        },
    )


def seal_again(kept: KeptAnswer, key_id: str | None) -> None:
    """Bring a kept answer under a field key, or (None) under SECRET_KEY. Raises FieldKeyMissing or SealBroken."""
    kept.answer = _sealed(_opened(kept), key_id, kept.digest)
    kept.save(update_fields=["answer"])


def _hold(scope: bytes) -> None:
    """On SQLite the transaction itself is the lock: who comes second waits, and finds the answer."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(scope).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise RequestInProgress


def forget_all_old() -> None:
    """Forget all that were kept for longer than KEPT_FOR, of the customer entered."""
    while _forget_old():
        pass


def _forget_old() -> bool:
    """Whether there were any. Those that somebody else is forgetting at this moment are passed over."""
    old = KeptAnswer.objects.filter(kept_at__lte=timezone.now() - KEPT_FOR).order_by("kept_at")
    gone = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:MOST_FORGOTTEN]
    forgotten, _ = KeptAnswer.objects.filter(pk__in=list(gone)).delete()
    return bool(forgotten)


def _digests(text: bytes) -> list[str]:
    """Under the present SECRET_KEY and those before it, so that changing it makes nothing be done twice."""
    return [_digest(key, text) for key in accepted_keys(_SIGNS).values()]


def _digest(key: bytes, text: bytes) -> str:
    return hmac.new(key, text, "sha256").hexdigest()


def _purpose(digest: str) -> str:
    """What the seal is bound to: this row of this customer."""
    return f"kept answer {current_customer_id()} {digest}"


def _sealed(answered: Answered, key_id: str | None, digest: str) -> str:
    text = json.dumps([answered.status, dict(answered.headers), b64encode(answered.body).decode()])
    return seal_secret_under(key_id, text, _purpose(digest))


def _opened(kept: KeptAnswer) -> Answered:
    status, headers, body = json.loads(unseal_secret(kept.answer, _purpose(kept.digest)))
    return Answered(status, headers, b64decode(body))
