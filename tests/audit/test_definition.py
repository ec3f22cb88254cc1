"""What the digest of an entry is, written down a second time, and what chains are called."""

import hashlib
import struct
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from payerwatch.audit.verifying.checkpoints import Checkpoint
from payerwatch.audit.verifying.definition import (
    GENESIS,
    StoredEntry,
    chain_name,
    customer_of_chain,
    entry_digest,
    microseconds,
)
from payerwatch.audit.verifying.walking import CLOCK_TOLERANCE, Claimed, Verdict, verify

pytestmark = pytest.mark.pure

CONTENT = ("person", 'a "b" \\', "Müller")
AS_JSON = '"person","a \\"b\\" \\\\","Müller"'.encode()


@pytest.mark.parametrize("at", [1_750_000_000_000_000, 0, -1])
@pytest.mark.parametrize(("customer", "named"), [(7, b"7"), (None, b"null")])
def test_a_digest_is_of_the_one_before_the_place_the_time_and_what_is_said(at: int, customer: int | None, named: bytes):
    bytes_of_it = GENESIS + struct.pack(">Qq", 3, at) + b"[" + named + b"," + AS_JSON + b"]"
    assert entry_digest(GENESIS, 3, at, customer, CONTENT) == hashlib.sha256(bytes_of_it).digest()


def test_a_digest_is_there_for_what_is_no_text_as_well():
    whole = GENESIS + struct.pack(">Qq", 1, 0) + b'[7,"\xed\xb2\x80"]'
    assert entry_digest(GENESIS, 1, 0, 7, ["\udc80"]) == hashlib.sha256(whole).digest()


@pytest.mark.parametrize("name", ["installation", "7", "customer-", "customer-x", "customer-٧", "customer-²", "-7"])
def test_what_is_no_customers_chain_has_no_customer(name: str):
    assert customer_of_chain(name) is None


def test_a_customers_chain_has_its_number():
    assert customer_of_chain("customer-17") == 17
    assert [chain_name(each) for each in (17, None)] == ["customer-17", "installation"]


def test_a_moment_is_in_whole_microseconds_since_1970():
    at = microseconds(datetime(1970, 1, 2, 0, 0, 0, 7, tzinfo=UTC))
    assert (at, type(at)) == (86_400_000_007, int)


def test_an_entry_is_itself_at_its_own_place_and_on_its_own_chain():
    [entry] = chain(0)
    assert entry.is_entry(1, 7) is True
    assert entry.is_entry(2, 7) is entry.is_entry(1, 8) is False


def chain(*times: int) -> list[StoredEntry]:
    entries: list[StoredEntry] = []
    for position, at in enumerate(times, start=1):
        previous = entries[-1].digest if entries else GENESIS
        digest = entry_digest(previous, position, at, 7, CONTENT)
        entries.append(StoredEntry(7, position, at, CONTENT, previous, digest))
    return entries


def test_a_chain_of_which_nobody_knows_the_head_is_as_long_as_what_was_found():
    verdict = verify(chain(0, 1, 2), Claimed(7))
    assert (verdict.stands, verdict.entries, verdict.length) == (True, 3, 3)


@pytest.mark.parametrize(("back", "kinds"), [(CLOCK_TOLERANCE, []), (CLOCK_TOLERANCE + 1, ["clock"])])
def test_a_clock_may_be_set_back_by_two_seconds_and_no_more(back: int, kinds: list[str]):
    verdict = verify(chain(10 * CLOCK_TOLERANCE, 10 * CLOCK_TOLERANCE - back), Claimed(7))
    assert [problem.kind for problem in verdict.problems] == kinds


def test_of_two_problems_the_one_that_comes_first_is_named_first():
    entries = chain(10 * CLOCK_TOLERANCE, 0, 1)
    verdict = verify([*entries[:2], entries[2]._replace(content=("changed",))], Claimed(7))
    assert [(problem.kind, problem.position) for problem in verdict.problems] == [("clock", 2), ("edited", 3)]


def test_checkpoints_of_two_machines_vouch_together_in_whatever_order():
    key, entries = Ed25519PrivateKey.generate(), chain(0, 1, 2, 3)
    unsigned = [
        Checkpoint("customer-7", each.position, each.digest.hex(), f"2026-11-30T00:00:0{each.at}Z") for each in entries
    ]
    written = [each._replace(signature=key.sign(each.signed_bytes()).hex()) for each in unsigned]
    verdict = verify(entries, Claimed(7), [*written[::2], *written[1::2]], key.public_key())
    assert (verdict.stands, verdict.vouched_until) == (True, 4)


def told(verdict: Verdict) -> list[tuple[str, int, str]]:
    return [(problem.kind, problem.position, problem.says) for problem in verdict.problems]


def test_an_entry_beyond_the_head_was_put_there():
    entries = chain(0, 1, 2)
    verdict = verify(entries, Claimed(7, head=(2, entries[1].digest)))
    assert told(verdict) == [("inserted", 3, "stands beyond the head of the chain")]


def test_a_chain_that_ends_before_its_head_was_cut():
    entries = chain(0, 1, 2)
    verdict = verify(entries[:2], Claimed(7, head=(3, entries[2].digest)))
    assert told(verdict) == [("cut", 3, "is missing: the chain had 3 entries and ends at 2")]
    assert verdict.length == 3


def test_a_last_entry_that_the_head_does_not_name_was_written_anew():
    entries = chain(0, 1, 2)
    verdict = verify(entries, Claimed(7, head=(3, chain(0, 1, 3)[2].digest)))
    assert told(verdict) == [("edited", 3, "is not the entry that the head of the chain names")]


def test_an_entry_says_which_one_was_before_it():
    """Its digest is right, as is its place: what it says of the one before it is not."""
    entries = chain(0, 1, 2)
    verdict = verify([entries[0], entries[1]._replace(previous=GENESIS), entries[2]], Claimed(7))
    assert [problem.position for problem in verdict.problems] == [2]


def test_an_entry_is_on_its_own_customers_chain():
    entries = chain(0, 1)
    assert [each.position for each in verify([entries[0], entries[1]._replace(customer=8)], Claimed(7)).problems] == [2]


def test_how_far_a_clock_went_back_is_told_in_seconds_and_once():
    verdict = verify(chain(9_000_000_000_000, 1_000_000_000_000, 0), Claimed(7))
    assert told(verdict) == [("clock", 2, "is 8,000,000 s older than the entry before")]


def test_of_a_months_checkpoints_the_newest_vouches_for_those_before_that_agree():
    """Verifying a signature is dear, so a line that agrees is not verified where a newer one of its file is."""
    key, entries = Ed25519PrivateKey.generate(), chain(0, 1, 2)
    lines = [
        Checkpoint("customer-7", each.position, each.digest.hex(), f"2026-11-30T00:00:0{each.at}Z") for each in entries
    ]
    lines[2] = lines[2]._replace(signature=key.sign(lines[2].signed_bytes()).hex())
    verdict = verify(entries, Claimed(7), lines, key.public_key())
    assert (verdict.stands, verdict.vouched_until) == (True, 3)
    october = lines[0]._replace(at="2026-10-30T00:00:00Z")
    assert told(verify(entries, Claimed(7), [october, *lines[1:]], key.public_key()))


def test_only_a_line_that_cannot_be_read_is_covered_and_only_by_a_signed_one():
    key, entries = Ed25519PrivateKey.generate(), chain(0, 1)
    last = Checkpoint("customer-7", 2, entries[1].digest.hex(), "2026-11-30T00:00:02Z")
    signed = last._replace(signature=key.sign(last.signed_bytes()).hex())
    unreadable = Checkpoint("", 1, "", "2026-10-30T00:00:01Z", source="line 1")
    anothers = unreadable._replace(chain="customer-8")

    def found(*lines: Checkpoint) -> tuple[list[str], list[str]]:
        verdict = verify(entries, Claimed(7), lines, key.public_key())
        return [each.kind for each in verdict.problems], [each.kind for each in verdict.warnings]

    assert found(unreadable, signed) == ([], ["unreadable"])
    assert found(unreadable, last) == (["checkpoint"], [])
    assert found(signed, unreadable) == (["checkpoint"], [])
    assert found(anothers, signed) == (["checkpoint"], [])


KEY = Ed25519PrivateKey.generate()


def checkpoint(entry: StoredEntry, *, signed: bool = True, **other: str) -> Checkpoint:
    said = Checkpoint("customer-7", entry.position, entry.digest.hex(), "2026-11-30T00:00:00Z", source="line 9")
    said = said._replace(at=f"2026-{entry.position:02}-01T00:00:00Z", **other)
    return said._replace(signature=KEY.sign(said.signed_bytes()).hex()) if signed else said


def test_an_entry_at_another_place_than_its_own_is_seen():
    entries = chain(0, 1, 2)
    assert [each.position for each in verify([entries[0], entries[1]._replace(position=5)], Claimed(7)).problems] == [2]


def test_a_chain_without_entries_stands():
    assert verify([], Claimed(7), [], KEY.public_key()).stands


def test_what_is_vouched_for_ends_where_the_chain_breaks():
    entries = chain(0, 1, 2, 3)
    broken = [entries[0], entries[1]._replace(content=("changed",)), *entries[2:]]
    assert verify(broken, Claimed(7), [checkpoint(each) for each in entries], KEY.public_key()).vouched_until == 1


def test_one_signed_checkpoint_of_an_entry_vouches_beside_one_that_is_not():
    entries = chain(0, 1)
    lines = [checkpoint(entries[1], signed=False), checkpoint(entries[1])]
    assert verify(entries, Claimed(7), lines, KEY.public_key()).vouched_until == 2


def test_entries_written_anew_are_named_from_the_first_that_nobody_vouched_for():
    real, anew = chain(0, 1, 2, 3), chain(0, 1, 2, 4)
    lines = [checkpoint(real[0]), checkpoint(real[3])]
    says = "is not what it was: entries 2 to 4 were written anew"
    assert told(verify(anew, Claimed(7), lines, KEY.public_key())) == [("rewritten", 2, says)]
    lines = [checkpoint(each) for each in real]
    says = "is not the entry its signed checkpoint names"
    assert told(verify(anew, Claimed(7), lines, KEY.public_key())) == [("rewritten", 4, says)]


def test_a_checkpoint_that_is_not_trusted_says_why_and_where():
    entries = chain(0, 1)
    unsigned = checkpoint(entries[1], signed=False)
    verdict = verify(entries, Claimed(7), [unsigned], KEY.public_key())
    assert told(verdict) == [("checkpoint", 2, "is not signed with the key (line 9)")]
    anothers = checkpoint(entries[1], chain="customer-8")
    verdict = verify(entries, Claimed(7), [anothers], KEY.public_key())
    assert told(verdict) == [("checkpoint", 2, "is not a checkpoint of the chain (line 9)")]
