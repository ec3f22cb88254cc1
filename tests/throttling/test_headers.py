"""What a verdict says in HTTP."""

import pytest

from payerwatch.throttling.headers import rate_limit_fields
from payerwatch.throttling.rates import Rate
from payerwatch.throttling.verdict import Bucket, Counted, Verdict, verdict
from payerwatch.throttling.window import Held

pytestmark = pytest.mark.pure

API = Bucket("api", Rate(600, 60), b"a")
ACCOUNT = Bucket("sign_in_account", Rate(5, 900), b"b")
NOW = 1_000_000_000


def verdict_of(*, allowed: bool, api: Held, account: Held) -> Verdict:
    return verdict(1, (API, ACCOUNT), Counted(allowed, NOW, (api, account)))


def test_each_policy_is_announced_with_what_is_left_and_when_there_is_more():
    passed = verdict_of(allowed=True, api=Held(1, NOW - 48_000_000), account=Held(5, NOW - 1))
    assert rate_limit_fields(passed) == {
        "RateLimit-Policy": '"api";q=600;w=60, "sign_in_account";q=5;w=900',
        "RateLimit": '"api";r=599;t=12, "sign_in_account";r=0;t=900',
    }
    assert (passed.refused_by, passed.retry_after) == ((), 0)


def test_a_refusal_says_when_to_come_back():
    refused = verdict_of(allowed=False, api=Held(3, NOW), account=Held(5, NOW - 899_999_999))
    assert rate_limit_fields(refused)["Retry-After"] == "1"
    assert rate_limit_fields(refused)["RateLimit"] == '"api";r=597;t=60, "sign_in_account";r=0;t=1'
    assert refused.refused_by == ("sign_in_account",)


def test_whoever_is_refused_twice_comes_back_when_both_have_room():
    both = verdict_of(allowed=False, api=Held(600, NOW - 1_000_000), account=Held(5, NOW - 1_000_000))
    assert both.refused_by == ("api", "sign_in_account")
    assert rate_limit_fields(both)["Retry-After"] == "899"


def test_a_bucket_without_hits_has_room_for_all_of_a_window():
    refused = verdict_of(allowed=False, api=Held(0, None), account=Held(5, NOW))
    assert rate_limit_fields(refused)["RateLimit"].startswith('"api";r=600;t=60')


def test_a_lowered_limit_leaves_nothing_and_not_less_than_nothing():
    refused = verdict_of(allowed=False, api=Held(700, NOW), account=Held(0, None))
    assert refused.standings[0].remaining == 0


def test_where_nothing_is_counted_nothing_is_announced():
    nothing = Verdict(allowed=True, standings=(), receipt=1, buckets=())
    assert (rate_limit_fields(nothing), nothing.retry_after) == ({}, 0)


def test_an_answer_for_fewer_policies_than_were_asked_is_no_verdict():
    with pytest.raises(ValueError, match="shorter"):
        verdict(1, (API, ACCOUNT), Counted(True, NOW, (Held(1, NOW),)))
