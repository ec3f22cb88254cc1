"""Bringing what is stored under another key: from plain, from key to key, and back."""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payerwatch.audit.models import Entry, InstallationEntry
from payerwatch.claims import resealing
from payerwatch.claims.models import Claim
from payerwatch.deliveries.endpoints import add_endpoint
from payerwatch.deliveries.resealing import endpoint_key_ids
from payerwatch.deliveries.secrets import secrets_in_force as endpoint_secrets
from payerwatch.deliveries.secrets import url_of
from payerwatch.members.ingest_secrets import secrets_in_force, set_secret
from payerwatch.members.models import Person, SecondFactor
from payerwatch.members.resealing import ingest_secret_key_ids
from payerwatch.members.second_factor import SECRET_PURPOSE
from payerwatch.sealing import rows as sealed_rows
from payerwatch.sealing.keys import seal_secret, unseal_secret
from payerwatch.sealing.models import customer_key_id
from payerwatch.sealing.sealing import SealBroken
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.test_any_order import Walk, again, loads, undos
from tests.make import ACTOR, answer, claims_file, pending, row, words
from tests.make import customer as make_customer
from tests.sealing.conftest import key
from tests.sealing.stored import assert_all_under, put, raw

pytestmark = pytest.mark.django_db

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
UseKeys = Callable[..., None]


def rotate(*arguments: str, customer: str | None = None) -> Any:
    done = answer("rotate_field_keys", *arguments, customer=customer)
    assert done.code == 0, done.document
    return done.document


def loaded(folder: Path, name: str = "Practice") -> Customer:
    """A customer with a claim, one that changed, and two without a number."""
    practice = make_customer(name)
    files = ([row(), pending(number="C2"), row(number=""), row(number="")], [row(number="C2")])
    for number, found in enumerate(files):
        done = answer("load", claims_file(folder, found, name=f"{number}.csv"), customer=name)
        assert done.code == 0, done.document
    return practice


def test_all_is_brought_from_plain_to_the_newest_key_on_to_the_next_and_back(tmp_path: Path, use_keys: UseKeys):
    use_keys()
    practice = loaded(tmp_path)
    before = [raw(practice, table, "claim_key") for table in ("claims_claim", "claims_replacedclaim")]
    for keys, arguments, expected in (
        (("2026a",), (), "2026a"),
        (("2026b", "2026a"), (), "2026b"),
        (("2026b",), ("--to", "plain"), None),
    ):
        use_keys(*keys)
        document = rotate(*arguments)
        assert document["key"] == (expected or "plain")
        assert [(each["customer"], each["rows"]) for each in document["rotated"]] == [("Practice", 7)]
        assert_all_under(practice, expected)
        assert rotate(*arguments) == {
            "key": expected or "plain",
            "rotated": [],
            "passed_over": ["Practice"],
            "second_factors": 0,
            "kept_answers": 0,
            "ingest_secrets": 0,
            "endpoint_secrets": 0,
        }
    assert [raw(practice, table, "claim_key") for table in ("claims_claim", "claims_replacedclaim")] == before


def test_each_customer_is_rotated_or_only_the_one_named(tmp_path: Path, use_keys: UseKeys):
    use_keys()
    one, two = (loaded(tmp_path, name) for name in ("One", "Two"))
    use_keys("2026a")
    assert [each["customer"] for each in rotate(customer="Two")["rotated"]] == ["Two"]
    assert_all_under(one, None)
    assert_all_under(two, "2026a")
    document = rotate()
    assert [each["customer"] for each in document["rotated"]] == ["One"]
    assert document["passed_over"] == ["Two"]


def test_a_rotation_leaves_an_entry_with_the_keys_names_and_no_value(tmp_path: Path, use_keys: UseKeys):
    use_keys()
    practice = loaded(tmp_path)
    use_keys("2026a")
    rotate()
    rotate()
    with acting_in(practice):
        [entry] = Entry.objects.filter(verb="rotate")
    assert entry.thing_kind == "field_key"
    assert json.loads(entry.detail) == {"before": {"key": "plain"}, "after": {"key": "2026a", "rows": 7}}


def test_secrets_that_batches_are_signed_with_follow_and_always_open(use_keys: UseKeys):
    use_keys()
    practice, secrets = make_customer(), ["whsec_b25l", "whsec_dHdv"]
    with acting_in(practice):
        for secret in secrets:
            set_secret(secret, overlap=timedelta(hours=1), actor=ACTOR)
    for keys, arguments, expected in (
        (("2026a",), (), "2026a"),
        (("2026b", "2026a"), (), "2026b"),
        (("2026b",), ("--to", "plain"), "secret-key"),
    ):
        use_keys(*keys)
        assert rotate(*arguments)["ingest_secrets"] == 2
        assert rotate(*arguments)["ingest_secrets"] == 0
        assert ingest_secret_key_ids() == {expected}
        with acting_in(practice):
            assert secrets_in_force() == secrets[::-1]


def test_addresses_and_secrets_of_endpoints_follow_and_always_open(use_keys: UseKeys):
    use_keys()
    practice, url = make_customer(), "https://hooks.example.com/a-secret"
    with acting_in(practice):
        endpoint, secret = add_endpoint(url, actor=ACTOR)
    for keys, arguments, expected in (
        (("2026a",), (), "2026a"),
        (("2026b", "2026a"), (), "2026b"),
        (("2026b",), ("--to", "plain"), "secret-key"),
    ):
        use_keys(*keys)
        assert rotate(*arguments)["endpoint_secrets"] == 2
        assert rotate(*arguments)["endpoint_secrets"] == 0
        assert endpoint_key_ids() == {expected}
        with acting_in(practice):
            endpoint.refresh_from_db()
            assert (url_of(endpoint), endpoint_secrets(endpoint, timezone.now())) == (url, [secret])


def test_secrets_of_authenticators_follow_and_always_open(use_keys: UseKeys):
    use_keys()
    person = Person.objects.create(email="someone@practice.example")
    sealed = seal_secret("JBSWY3DP", SECRET_PURPOSE)
    factor = SecondFactor.objects.create(person=person, secret=sealed, confirmed_at=timezone.now())
    for keys, arguments, expected in (
        (("2026a",), (), "2026a"),
        (("2026b", "2026a"), (), "2026b"),
        (("2026b",), ("--to", "plain"), "secret-key"),
    ):
        use_keys(*keys)
        assert rotate(*arguments)["second_factors"] == 1
        assert rotate(*arguments)["second_factors"] == 0
        factor.refresh_from_db()
        assert factor.secret.startswith(f"pw1:{expected}:")
        assert unseal_secret(factor.secret, SECRET_PURPOSE) == "JBSWY3DP"
    assert InstallationEntry.objects.filter(verb="rotate").count() == 3


def test_without_keys_nothing_is_rotated(use_keys: UseKeys):
    use_keys()
    assert answer("rotate_field_keys", customer=None).error["code"] == "field_keys_not_set"


def test_a_missing_older_key_is_refused_and_nothing_changes(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practice = loaded(tmp_path)
    before = raw(practice, "claims_claim", "claim_key", "sealed_number")
    use_keys("2026b")
    assert answer("rotate_field_keys", customer=None).error["code"] == "field_key_missing"
    assert raw(practice, "claims_claim", "claim_key", "sealed_number") == before
    use_keys("2026b", "2026a")
    rotate()
    assert_all_under(practice, "2026b")


def test_a_value_that_was_tampered_with_stops_the_rotation_and_nothing_changes(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practice = loaded(tmp_path)
    [*_, (sealed,)] = raw(practice, "claims_replacedclaim", "sealed_number")
    put(practice, "claims_replacedclaim", "sealed_number", sealed[:-8] + "AAAAAAA=")
    use_keys("2026b", "2026a")
    assert answer("rotate_field_keys", customer=None).error["code"] == "seal_broken"
    with acting_in(practice):
        assert customer_key_id() == "2026a"
    assert all(name.startswith("pw1:2026a:") for (name,) in raw(practice, "claims_upload", "filename"))


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("claims_upload", "filename", "put there.csv"), ("claims_replacedclaim", "sealed_number", None)],
)
def test_a_plain_value_put_there_from_outside_is_not_sealed_by_a_rotation(
    table: str, column: str, value: str | None, tmp_path: Path, use_keys: UseKeys
):
    use_keys("2026a")
    practice = loaded(tmp_path)
    put(practice, table, column, value)
    use_keys("2026b", "2026a")
    assert answer("rotate_field_keys", customer=None).error["code"] == "seal_broken"
    with acting_in(practice):
        assert customer_key_id() == "2026a"


def test_a_claim_whose_sealed_number_was_emptied_shows_no_other(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practice = loaded(tmp_path)
    put(practice, "claims_claim", "sealed_number", None)
    with acting_in(practice, reading=True), pytest.raises(SealBroken):
        _ = Claim.objects.all()[0].claim_number


def test_a_rotation_that_fails_midway_changes_nothing_and_runs_again(
    tmp_path: Path, use_keys: UseKeys, monkeypatch: pytest.MonkeyPatch
):
    use_keys()
    practice = loaded(tmp_path)
    use_keys("2026a")
    monkeypatch.setattr(sealed_rows, "BATCH_ROWS", 1)

    def interrupted(stage: str, done: int, total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resealing.reseal(practice, "2026a", actor=resealing.Actor("command"), progress=interrupted)
    assert_all_under(practice, None)
    rotate()
    assert_all_under(practice, "2026a")


def test_a_new_key_is_printed_and_nothing_changes(use_keys: UseKeys):
    use_keys()
    one, two = (rotate("--new-key") for _ in range(2))
    assert one["key"] != two["key"]
    assert words("rotate_field_keys", "--new-key", customer=None).startswith("PAYERWATCH_FIELD_KEYS=20")


def test_no_value_is_printed(tmp_path: Path, use_keys: UseKeys):
    use_keys()
    loaded(tmp_path)
    use_keys("2026a")
    said = words("rotate_field_keys", customer=None)
    assert "7 rows, from plain to 2026a." in said
    assert "C2" not in said
    assert ".csv" not in said


class SealedWalk(Walk):
    """A walk during which the keys change; a customer starts under the newest."""

    key_id: str | None = "c"

    def rotate(self, key_id: str | None) -> None:
        others = [other for other in ("a", "b", "c") if other != key_id]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("django.conf.settings.FIELD_KEYS", {name: key(name) for name in (key_id, *others) if name})
            options = ["--to", "plain"] if key_id is None else []
            assert self.ask("rotate_field_keys", *options).code == 0
        self.key_id = key_id

    def compare(self) -> None:
        super().compare()
        assert_all_under(self.customer, self.key_id)


rotations = st.tuples(st.just("rotate"), st.sampled_from(("a", "b", "c", None)))


@pytest.mark.proof
@settings(
    max_examples=1000 if FULL else 20,
    deadline=None,
    derandomize=not FULL,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    first=loads,
    walked=st.lists(st.one_of(loads, loads, undos, again, rotations, rotations), min_size=3, max_size=9),
    batch_rows=st.sampled_from((1, 2, 5_000)),
)
def test_claims_are_right_after_every_step_whatever_keys_come_between(
    tmp_path: Path, use_keys: UseKeys, first: Any, walked: list[Any], batch_rows: int
):
    use_keys("c", "b", "a")
    walk = SealedWalk(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_rows, "BATCH_ROWS", batch_rows)
        for name, *arguments in (first, *walked):
            getattr(walk, name)(*arguments)
            walk.compare()
