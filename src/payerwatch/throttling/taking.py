"""Asking to be counted: `take([("sign_in_account", email), ("sign_in_address", throttle_key(address))])`."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence

from django.conf import settings

from payerwatch.throttling.policies import policy
from payerwatch.throttling.rates import Rate
from payerwatch.throttling.stores import store
from payerwatch.throttling.verdict import Bucket, Verdict, verdict


def take(requests: Sequence[tuple[str | Rate, str]]) -> Verdict:
    """Count one hit for each (policy's name or rate, key), or none at all if one of them has no room.

    A pair named twice counts once. It counts at once, whatever becomes of the caller's transaction. Raises
    ThrottleUnavailable if the counts cannot be reached in about a second; KeyError for an unknown policy.
    """
    buckets = tuple(dict.fromkeys(_bucket(named, key) for named, key in requests))
    receipt = secrets.randbits(63)
    if not buckets:
        return Verdict(allowed=True, standings=(), receipt=receipt, buckets=())
    return verdict(receipt, buckets, store().take(receipt, buckets))


def give_back(verdict: Verdict) -> None:
    """Remove exactly the hits this verdict counted, as when a sign-in succeeded. Twice is as once.

    Raises ThrottleUnavailable.
    """
    if verdict.allowed and verdict.buckets:
        store().give_back(verdict.receipt, verdict.buckets)


def _bucket(named: str | Rate, key: str) -> Bucket:
    rate = named if isinstance(named, Rate) else policy(named)
    # Keyed, so that who reads the counts cannot try out whose e-mail addresses are in them.
    text = f"{named}\0{key}".encode("utf-8", "surrogatepass")
    digest = hmac.digest(settings.SECRET_KEY.encode(), text, "sha256")
    return Bucket(str(named), rate, digest)
