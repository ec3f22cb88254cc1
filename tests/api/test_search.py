"""`claims/?search=`: whatever is found, in whichever way, is in its pages once and in order, with keys and without."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest

from payerwatch.claims.models import Claim, Payer, PayerMapping, Upload
from payerwatch.tenancy.context import acting_in
from tests.api.loaded import Loaded
from tests.api.makers import MONDAY
from tests.api.test_paging import ids, page
from tests.make import row, upload
from tests.sealing.conftest import use_keys as use_keys

pytestmark = pytest.mark.django_db(transaction=True)

CLAIMS = "/api/v1/claims/"
PAYERS = ("Aetna", "Aetna Better", "Cigna", "99213 Health")
TERMS = ("aetna", "AETNA B", "99213", "a1", "A1", "N7", "50", "unheard", "%")
ORDERS = ("-submitted_date", "submitted_date", "-billed_amount")


@pytest.fixture
def many(practice: Loaded) -> list[Claim]:
    """Claims that several ways find at once, many of them at one place of each order."""
    chance = Random(7)
    with acting_in(practice.customer):
        file = Upload.objects.create(filename="claims.csv", size_bytes=1)
        payers = [Payer.objects.create(name=name, name_key=name.lower()) for name in PAYERS]
        spelling = PayerMapping.objects.create(raw_name="any", raw_key="any", payer=payers[0])
        made = [
            Claim(
                payer_mapping=spelling, payer=chance.choice(payers), upload=file, outcome="denied",
                claim_key=chance.choice((f"N{number}", "99213", "A1")),
                submitted_date=MONDAY + timedelta(days=number), cpt=chance.choice(("99213", "97110", "A1")),
                denial_code=chance.choice((None, "50", "A1")), cpt_group="any", first_outcome="denied",
                billed_amount=chance.choice((None, 100, 200, 300)), status=chance.choice(("denied", "appealed")),
            )
            for number in range(60)
        ]  # fmt: skip
        chance.shuffle(made)
        Claim.objects.bulk_create(made)
        Claim.objects.filter(claim_key__startswith="N").update(submitted_date=MONDAY)
        return list(Claim.objects.select_related("payer"))


def is_found(claim: Claim, term: str) -> bool:
    marks = (claim.claim_key == term, term.upper() in (claim.cpt, claim.denial_code))
    return any(marks) or claim.payer.name.lower().startswith(term.lower())


def in_order(claims: list[Claim], order: str) -> list[str]:
    def place(claim: Claim) -> tuple[Any, int]:
        value = getattr(claim, order.lstrip("-"))
        return (-1 if value is None else value, claim.pk)

    return [f"clm_{each.pk}" for each in sorted(claims, key=place, reverse=order.startswith("-"))]


def walked_both_ways(practice: Loaded, query: dict[str, str]) -> list[str]:
    """All ids, page by page to the end; the same come back on the way to the beginning."""
    link: str | None = f"{CLAIMS}?{urlencode(query)}"
    there: list[str] = []
    shown: dict[str, Any] = {}
    while link is not None:
        shown = page(practice.headers, link)
        there += ids(shown)
        link = shown["next"]
    back = ids(shown)
    while shown["previous"] is not None:
        shown = page(practice.headers, shown["previous"])
        back = ids(shown) + back
    assert back == there
    return there


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("more", [{}, {"status": "appealed"}], ids=str)
def test_whatever_is_found_is_walked_once_and_in_order(
    practice: Loaded, many: list[Claim], order: str, more: dict[str, str]
):
    for term in TERMS:
        expected = [each for each in many if is_found(each, term) and more.get("status", each.status) == each.status]
        query = {"search": term, "order": order, "page_size": "7", **more}
        assert walked_both_ways(practice, query) == in_order(expected, order), term
        assert practice.get("claims/", **query, count="true")["count"] == len(expected), term


def test_the_claims_found_are_many_and_few_and_found_in_several_ways(many: list[Claim]):
    found = {term: sum(is_found(each, term) for each in many) for term in TERMS}
    assert found["aetna"] > 21
    assert 7 < found["99213"] < 60
    assert (found["unheard"], found["%"]) == (0, 0)
    assert any(each.claim_key == each.cpt == "99213" for each in many)


def test_more_are_not_counted_than_the_cap(practice: Loaded, many: list[Claim], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("payerwatch.web.api.paging.MOST_COUNTED", 5)
    counted = practice.get("claims/", search="aetna", count="true")
    assert (counted["count"], counted["count_is_capped"]) == (5, True)


# Numbers that are sealed


def test_a_sealed_number_is_found_under_whichever_key_it_is(
    practice: Loaded, tmp_path: Path, use_keys: Callable[..., None]
):
    use_keys("2026a")
    upload(tmp_path, [row(), row(number="C2")])
    for key_ids in (("2026a",), ("2026b", "2026a")):
        use_keys(*key_ids)
        assert [each["claim_number"] for each in practice.get("claims/", search="C2")["results"]] == ["C2"]
        assert practice.get("claims/", search="C3")["results"] == []


def test_a_plain_number_is_found_where_keys_are_set_that_its_customer_is_not_under(
    practice: Loaded, tmp_path: Path, use_keys: Callable[..., None]
):
    upload(tmp_path, [row()])
    use_keys("2026a")
    assert [each["claim_number"] for each in practice.get("claims/", search="C1")["results"]] == ["C1"]


def test_a_number_is_not_found_by_the_digest_that_it_is_stored_as(
    practice: Loaded, tmp_path: Path, use_keys: Callable[..., None]
):
    use_keys("2026a")
    upload(tmp_path, [row()])
    with acting_in(practice.customer):
        digest = Claim.objects.get().claim_key
    assert practice.get("claims/", search=digest)["results"] == []


@pytest.mark.parametrize("key_ids", [("2026b",), ()], ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_a_search_fails_rather_than_finds_nothing_where_the_key_is_missing(
    practice: Loaded, tmp_path: Path, use_keys: Callable[..., None], order: str, key_ids: tuple[str, ...]
):
    use_keys("2026a")
    upload(tmp_path, [row()])
    use_keys(*key_ids)
    answer = practice.ask("GET", "claims/", search="C1", order=order)
    assert (answer.status, answer.document["code"]) == (503, "field_key_missing")
