"""All of what is asked is counted, or nothing; exactly, whoever asks at once. On both stores."""

import json
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection, transaction

from payerwatch.throttling import sqlite
from payerwatch.throttling.client_address import client_address, read_proxies, throttle_key
from payerwatch.throttling.headers import rate_limit_fields
from payerwatch.throttling.rates import Rate
from payerwatch.throttling.stores import store
from payerwatch.throttling.taking import give_back, take
from tests.throttling.crowd import LIMIT, passed_together
from tests.throttling.rows import hits, hits_are, hits_grow_older

pytestmark = pytest.mark.django_db

THREE = Rate(3, 60)
CROWD = [sys.executable, "-W", "error", "-m", "tests.throttling.crowd"]


def passes(rate: str | Rate, key: str) -> bool:
    return take([(rate, key)]).allowed


def test_so_many_pass_and_no_more():
    assert [passes(THREE, "a") for _ in range(5)] == [True, True, True, False, False]


def test_each_key_and_each_policy_has_its_own_count():
    assert [passes(THREE, key) for key in "abcabc"] == [True] * 6
    assert [passes(Rate(1, 60), key) for key in "ab"] == [True, True]
    assert passes("sign_in_account", "a")


def test_what_one_policy_refuses_no_other_counts():
    assert passes(Rate(1, 60), "a")
    for _ in range(5):
        refused = take([(THREE, "a"), (Rate(1, 60), "a")])
        assert refused.refused_by == ("1/m",)
        assert [each.remaining for each in refused.standings] == [3, 0]
    assert take([(THREE, "a")]).standings[0].remaining == 2


def test_every_policy_that_refused_is_named():
    assert take([(Rate(1, 60), "a"), (Rate(1, 3_600), "a")]).allowed
    refused = take([(Rate(1, 60), "a"), (Rate(1, 3_600), "a"), (THREE, "a")])
    assert refused.refused_by == ("1/m", "1/h")
    assert refused.retry_after == 3_600


def test_what_is_named_twice_counts_once():
    assert take([(THREE, "a"), (THREE, "a")]).standings[0].remaining == 2
    assert len(hits()) == 1


def test_asking_for_nothing_passes_and_counts_nothing():
    assert take([]).allowed
    assert hits() == []


def test_what_is_given_back_may_be_taken_again_and_nothing_else():
    first, second = take([(THREE, "a"), ("api", "a")]), take([(THREE, "a"), ("api", "a")])
    give_back(first)
    give_back(first)
    assert [each.remaining for each in take([(THREE, "a"), ("api", "b")]).standings] == [1, 599]
    assert len(hits()) == 4
    give_back(second)
    assert take([("api", "a")]).standings[0].remaining == 599


def test_a_refusal_has_nothing_to_give_back():
    for _ in range(3):
        take([(THREE, "a")])
    give_back(take([(THREE, "a")]))
    assert not passes(THREE, "a")


def test_what_was_counted_outlives_the_rollback_of_the_callers_transaction():
    with transaction.atomic():
        assert passes(Rate(1, 60), "a")
        transaction.set_rollback(True)
    assert not passes(Rate(1, 60), "a")


def test_the_place_of_a_hit_is_free_one_window_later():
    once = Rate(1, 3_600)
    assert passes(once, "a")
    hits_are(3_590)
    assert not passes(once, "a")
    hits_are(3_600)
    assert passes(once, "a")
    assert len(hits()) == 1


@pytest.mark.parametrize("name", settings.THROTTLES)
def test_retry_after_is_honest(name: str):
    """A second sooner is refused, a second later passes: for every policy of the product."""
    for _ in range(take([(name, "a")]).standings[0].remaining):
        assert passes(name, "a")
    hits_are(0)
    seconds = int(rate_limit_fields(take([(name, "a")]))["Retry-After"])
    hits_are(seconds - 1)
    assert not passes(name, "a")
    hits_are(seconds + 1)
    assert passes(name, "a")


def test_what_is_announced_is_what_may_still_be_done():
    rate = Rate(20, 60)
    announced = [take([(rate, "a")]).standings[0].remaining for _ in range(20)]
    assert announced == list(reversed(range(20)))
    assert not passes(rate, "a")


def test_hits_of_the_future_count_from_now():
    """As when the clock steps back: nobody is let in sooner, nor shut out for longer than a window."""
    for _ in range(3):
        take([(THREE, "a")])
    hits_grow_older(-86_400)
    refused = take([(THREE, "a")])
    assert (refused.allowed, refused.retry_after) == (False, 60)
    hits_grow_older(60)
    assert passes(THREE, "a")


def test_counts_that_nobody_asks_for_any_more_are_swept_away():
    for number in range(5):
        take([(THREE, f"gone {number}")])
    buckets = take([(THREE, "a")]).buckets
    hits_are(61)
    store().take(sqlite.SWEEP_EVERY + 1, buckets)
    assert len(hits()) == 6
    store().take(2 * sqlite.SWEEP_EVERY, buckets)
    assert len(hits()) == 2


def test_keys_are_not_stored():
    take([("sign_in_account", "nobody@example.org"), ("sign_in_address", "198.51.100.9")])
    kept = repr(hits()).encode()
    if connection.vendor == "sqlite":
        kept += b"".join(path.read_bytes() for path in settings.THROTTLE_FILE.parent.glob("*"))
    assert b"nobody" not in kept
    assert b"198.51.100.9" not in kept


@pytest.mark.parametrize("key", ["", "\0", "ü", "\udcff", "a" * 100_000])
def test_any_text_is_a_key(key: str):
    assert [passes(Rate(1, 60), key) for _ in range(2)] == [True, False]


def test_inventing_forwarded_addresses_does_not_help():
    def comes(peer: str, forwarded: str) -> bool:
        meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
        return passes("sign_in_address", throttle_key(client_address(meta, read_proxies("10.0.0.0/8"))))

    invented = [f"203.0.{number // 250}.{number % 250}" for number in range(300)]
    assert sum(comes("198.51.100.9", each) for each in invented) == 5
    assert sum(comes("10.0.0.1", f"{each}, 198.51.100.8") for each in invented) == 5
    assert sum(comes(f"2001:db8:1:2::{number:x}", "") for number in range(300)) == 5


def test_a_hundred_threads_at_once_exactly_so_many_pass():
    assert passed_together(store(), threads=100, times=2) == LIMIT
    assert len(hits()) == 2 * LIMIT


def test_four_processes_at_once_exactly_so_many_pass():
    assert crowds(processes=4, threads=25, times=2) == LIMIT
    assert len(hits()) == 2 * LIMIT


def crowds(processes: int, threads: int, times: int) -> int:
    """How many passed in all, of processes that start to ask at the same moment."""
    command = [*CROWD, where(), str(threads), str(times)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(processes)]
    for each in running:
        assert each.stdout.readline() == "ready\n", each.stderr.read()
    for each in running:
        each.stdin.write("go\n")
        each.stdin.flush()
    ended = [each.communicate(timeout=120) for each in running]
    assert [each.returncode for each in running] == [0] * processes, ended
    return sum(int(out) for out, _ in ended)


def where() -> str:
    if connection.vendor == "sqlite":
        return str(settings.THROTTLE_FILE)
    words = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return json.dumps({word: connection.settings_dict[name] for word, name in words.items()})
