"""With field keys everything the product answers is what it answers without; only the database says less."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from payerwatch.claims.models import Claim
from payerwatch.claims.queries import claims_with_number
from payerwatch.claims.resealing import customers_not_sealed
from payerwatch.sealing.models import customer_key_id
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.drift.run_off_claims import sunday
from tests.make import HEADERS, Row, answer, claims_file, denied, pending, row
from tests.make import customer as make_customer
from tests.sealing.stored import assert_all_under, raw

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 1, 1)
UseKeys = Callable[..., None]


def week_of_claims(week: int, *, last: int) -> list[Row]:
    """Five claims, decided a week later; from week 56 on all are denied. One has no number, one two service lines."""
    day, decided = (str(MONDAY + timedelta(weeks=when)) for when in (week, week + 1))
    numbers = [f"W{week}-{number}" for number in range(4)] + ["", ""]
    said = [{"number": number, "submitted": day, "service": day, "allowed": "100.00"} for number in numbers]
    if week + 1 > last:
        return [pending(**{name: each[name] for name in ("number", "submitted", "service")}) for each in said]
    made = denied if week + 1 >= 56 else row
    lines = [made(**each, decided=decided) | {"allowed": each["allowed"]} for each in said]
    return [*lines, lines[0] | {"cpt": "97110"}]


def rows(last: int) -> list[Row]:
    return [each for week in range(last + 1) for each in week_of_claims(week, last=last)]


def journey(customer: Customer, folder: Path) -> str:
    """Load, load more, the same again, look, take back and look again; all answers, but for ids."""
    first, second = (claims_file(folder, rows(last), name=f"{last}.csv") for last in (57, 59))
    asked: list[tuple[Any, ...]] = [("load", first), ("load", second), ("load", second), ("load", first)]
    asked += [("detect", "--as-of", sunday(MONDAY, 59)), ("events", "--all")]
    said = [ask(customer, *each) for each in asked]
    assert said[-1]
    said += [explained(customer, event["id"]) for event in said[-1]]
    said.append(ask(customer, "undo", said[1]["upload"]))
    said.append(ask(customer, "detect", "--as-of", sunday(MONDAY, 57)))
    said += [ask(customer, "undo", said[0]["upload"]), ask(customer, "events", "--all")]
    text = re.sub(r"\b(upl|evt|run)_\w+", r"\1", repr(said).replace(customer.name, "the customer"))
    assert all(shown in text for shown in ("'W58-1'", "'~", ".2'"))
    return text


def ask(customer: Customer, *arguments: Any) -> Any:
    done = answer(*arguments, customer=customer.name)
    assert done.code == 0, done.document
    return done.document


def explained(customer: Customer, event: str) -> Any:
    return ask(customer, "explain", event, "--claims", "1000")


def test_the_whole_journey_gives_the_same_answers_with_keys_as_without(tmp_path: Path, use_keys: UseKeys):
    plain = journey(make_customer("Plain Practice"), tmp_path)
    use_keys("2026a")
    assert journey(make_customer("Sealed Practice"), tmp_path) == plain


def load(customer: Customer, folder: Path, *found: Row, name: str = "claims.csv", **file: Any) -> Any:
    return ask(customer, "load", claims_file(folder, found, name=name, **file))


def test_a_new_customer_starts_under_the_newest_key(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026b", "2026a")
    practice = make_customer()
    load(practice, tmp_path, row(), pending(number="C2"))
    load(practice, tmp_path, row(number="C2"), name="later.csv")
    assert len(raw(practice, "claims_replacedclaim", "id")) == 1
    assert_all_under(practice, "2026b")
    assert customers_not_sealed() == []


def test_a_customer_with_plain_rows_stays_plain_and_is_named(tmp_path: Path, use_keys: UseKeys):
    use_keys()
    practice = make_customer()
    make_customer("Without rows")
    load(practice, tmp_path, row())
    assert customers_not_sealed() == []
    use_keys("2026a")
    load(practice, tmp_path, row(number="C2"), name="later.csv")
    assert_all_under(practice, None)
    assert customers_not_sealed() == [practice]


def test_loads_go_on_under_the_customers_own_key_until_it_is_rotated(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practice = make_customer()
    load(practice, tmp_path, row())
    use_keys("2026b", "2026a")
    assert load(practice, tmp_path, row(), row(number="C2"), name="later.csv")["unchanged_claims"] == 1
    assert_all_under(practice, "2026a")
    assert customers_not_sealed() == [practice]


def test_a_later_file_updates_the_claim_of_the_same_number(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practice = make_customer()
    load(practice, tmp_path, pending(number="C1"))
    later = load(practice, tmp_path, row(number="C1"), name="later.csv")
    assert (later["new_claims"], later["updated_claims"]) == (0, 1)
    with acting_in(practice):
        assert [claim.status for claim in claims_with_number("C1")] == ["paid"]


def test_the_same_number_of_two_customers_is_stored_differently(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practices = [make_customer(name) for name in ("One", "Two")]
    for practice in practices:
        load(practice, tmp_path, row(number="C1"), row(number="", cpt="97110"))
    one, two = (raw(practice, "claims_claim", "claim_key", "sealed_number") for practice in practices)
    assert {key for key, _ in one}.isdisjoint(key for key, _ in two)
    assert {sealed for _, sealed in one}.isdisjoint(sealed for _, sealed in two)


@pytest.mark.parametrize("keys", [(), ("2026a",)])
def test_a_claim_is_found_by_its_number(tmp_path: Path, use_keys: UseKeys, keys: tuple[str, ...]):
    use_keys(*keys)
    practice = make_customer()
    load(practice, tmp_path, row(number="C1"), row(number="C2"), row(number=""), row(number=""))
    with acting_in(practice):
        assert (customer_key_id() is not None) is bool(keys)
        [claim] = claims_with_number("C2")
        assert claim.claim_number == "C2"
        ours = [claim.claim_number for claim in claims_of_our_number()]
        assert len(ours) == 2
        assert [claims_with_number(number).get().claim_number for number in ours] == ours
        assert [number[-2:] for number in ours] == [".1", ".2"]
        assert not claims_with_number("C3").exists()
        assert "C2" not in str(claim)


def claims_of_our_number() -> Any:
    return Claim.objects.filter(claim_key__startswith="~").order_by("claim_key")


def test_our_number_of_a_row_without_one_is_the_same_either_way(tmp_path: Path, use_keys: UseKeys):
    found = []
    for keys in ((), ("2026a",)):
        use_keys(*keys)
        practice = make_customer(f"Under {keys}")
        load(practice, tmp_path, row(number=""), columns=tuple(HEADERS))
        with acting_in(practice):
            found.append([claim.claim_number for claim in claims_of_our_number()])
            stored = raw(practice, "claims_claim", "claim_key")
    assert found[0] == found[1] != [key for (key,) in stored]


def test_a_load_under_a_key_that_is_gone_is_refused_by_the_keys_name(tmp_path: Path, use_keys: UseKeys):
    use_keys("2026a")
    practice = make_customer()
    load(practice, tmp_path, row())
    use_keys("2026b")
    done = answer("load", claims_file(tmp_path, [row(number="C2")], name="later.csv"))
    assert done.error["code"] == "field_key_missing"
    assert "2026a" in done.error["message"]
    assert len(raw(practice, "claims_upload", "id")) == 1
