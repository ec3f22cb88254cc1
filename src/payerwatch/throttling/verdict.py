"""The answer to a request to be counted: whether it was, and where each of its policies stands."""

from __future__ import annotations

from dataclasses import dataclass

from payerwatch.throttling.rates import Rate
from payerwatch.throttling.window import Held, seconds_until_room


@dataclass(frozen=True)
class Bucket:
    """Where the hits of one key under one policy are counted; `digest` is a keyed SHA-256, the key is not kept."""

    policy: str
    rate: Rate
    digest: bytes


@dataclass(frozen=True)
class Counted:
    """What a store answers: counted or not, its clock in microseconds, and each bucket's log after that."""

    allowed: bool
    now: int
    held: tuple[Held, ...]


@dataclass(frozen=True)
class Standing:
    """One policy after the request: how many hits are left, and in how many seconds there will be one more.

    `retry_after` is 0 unless this policy refused; else it is `reset`: a second sooner is refused again.
    """

    policy: str
    rate: Rate
    refused: bool
    remaining: int
    reset: int

    @property
    def retry_after(self) -> int:
        return self.reset if self.refused else 0


@dataclass(frozen=True)
class Verdict:
    """All policies let it pass and counted it, or at least one refused and none counted it."""

    allowed: bool
    standings: tuple[Standing, ...]
    receipt: int
    buckets: tuple[Bucket, ...]

    @property
    def refused_by(self) -> tuple[str, ...]:
        return tuple(each.policy for each in self.standings if each.refused)

    @property
    def retry_after(self) -> int:
        """Seconds until every policy that refused has room; 0 where it passed."""
        return max((each.retry_after for each in self.standings), default=0)


def verdict(receipt: int, buckets: tuple[Bucket, ...], counted: Counted) -> Verdict:
    """What a store counted, in words of policies."""
    pairs = zip(buckets, counted.held, strict=True)
    standings = tuple(_standing(bucket, state, counted) for bucket, state in pairs)
    return Verdict(counted.allowed, standings, receipt, buckets)


def _standing(bucket: Bucket, state: Held, counted: Counted) -> Standing:
    remaining = max(bucket.rate.limit - state.hits, 0)
    return Standing(
        policy=bucket.policy,
        rate=bucket.rate,
        refused=not counted.allowed and remaining == 0,
        remaining=remaining,
        reset=seconds_until_room(state, bucket.rate, counted.now),
    )
