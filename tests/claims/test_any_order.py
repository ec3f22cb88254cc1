"""Whatever is loaded, taken back and mapped, in any order: claims are as the rules say, cells as counted afresh."""

import itertools
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from payerwatch.claims import loading
from payerwatch.claims.models import Claim
from payerwatch.claims.payer_names import normalise
from payerwatch.tenancy.context import acting_in
from payerwatch.tenancy.models import Customer
from tests.claims.ledger import Ledger
from tests.claims.recount import assert_cells_are_right
from tests.make import HEADERS, Row, answer, claims_file
from tests.make import customer as make_customer

FULL = os.environ.get("PAYERWATCH_PROOF") == "full"
PAYERS = ("Aetna", "AETNA ", "UHC", "UnitedHealthcare", "Cigna")
CODES = ("99213", "97110", "97140", "J0100")
COLUMN_SETS = [
    tuple(HEADERS),
    *(tuple(name for name in HEADERS if name not in left_out) for left_out in ({"reason"}, {"billed", "service"})),
]
names = itertools.count()


@st.composite
def rows(draw: st.DrawFn) -> Row:
    status = draw(st.sampled_from(("Pending", "Paid", "Denied", "Partially Paid", "Appealed")))
    submitted = draw(st.sampled_from(("2026-01-05", "2026-01-11")))
    decided = draw(st.sampled_from(("2026-01-12", "2026-01-19", "2026-02-20")))
    amounts = {name: draw(st.sampled_from(("10.00", "0.00", "99.99", ""))) for name in ("billed", "allowed", "paid")}
    return {
        "number": draw(st.sampled_from(("C1", "C1", "C2", ""))),
        "payer": draw(st.sampled_from(PAYERS)),
        "cpt": draw(st.sampled_from(CODES)),
        "service": draw(st.sampled_from(("2026-01-01", ""))),
        "submitted": submitted,
        "decided": "" if status == "Pending" else decided,
        "status": status,
        "reason": draw(st.sampled_from(("CO-197", "CO-29", ""))) if status in ("Denied", "Appealed") else "",
        **amounts,
    }


RANGES = (("97110", "97110"), ("97000", "97999"), ("99213", "99213"), ("J0100", "J0200"))
loads = st.tuples(st.just("load"), st.lists(rows(), min_size=1, max_size=5), st.sampled_from(COLUMN_SETS))
undos = st.tuples(st.just("undo"), st.integers(0, 5))
payer_mappings = st.tuples(st.just("map_payer"), st.sampled_from(PAYERS), st.sampled_from((*PAYERS, "Medicaid")))
group_mappings = st.tuples(st.just("map_cpt_group"), st.sampled_from(RANGES), st.sampled_from(("one", "two")))
again = st.tuples(st.just("again"), st.integers(0, 5))
steps = st.lists(st.one_of(loads, loads, undos, payer_mappings, group_mappings, again), min_size=3, max_size=9)


class Walk:
    """Each step is done by the product's command and entered in the ledger; then both are compared."""

    def __init__(self, folder: Path) -> None:
        self.customer: Customer = make_customer(f"Practice {next(names)}")
        self.ledger = Ledger()
        self.folder = folder
        self.uploads: list[str] = []
        self.files: list[tuple[Sequence[Row], Sequence[str]]] = []

    def ask(self, command: str, *arguments: object) -> Any:
        return answer(command, *arguments, customer=self.customer.name)

    def load(self, found: Sequence[Row], columns: Sequence[str]) -> None:
        self.files.append((found, columns))
        path = claims_file(self.folder, found, name=f"{next(names)}.csv", columns=columns)
        document = self.ask("load", path).document
        expected = self.ledger.load(found, columns)
        assert document["already_loaded"] is (expected is None)
        assert document["rows"] == document["accepted"] == len(found)
        if expected is not None:
            assert tuple(document[f"{kind}_claims"] for kind in ("new", "updated", "unchanged")) == expected
            self.uploads.append(document["upload"])

    def again(self, place: int) -> None:
        if self.files:
            event("a file again")
            self.load(*self.files[place % len(self.files)])

    def undo(self, place: int) -> None:
        if self.uploads:
            place %= len(self.uploads)
            done = self.ask("undo", self.uploads[place])
            assert (done.code == 0) is self.ledger.undo(place)
            event(f"undo: exit {done.code}")

    def map_payer(self, raw: str, payer: str) -> None:
        assert self.ask("map_payer", raw, payer).code == 0
        self.ledger.map_payer(raw, payer)

    def map_cpt_group(self, codes: tuple[str, str], group: str) -> None:
        assert self.ask("map_cpt_group", "-".join(codes), group).code == 0
        self.ledger.map_cpt_group(*codes, group)

    def compare(self) -> None:
        assert stored(self.customer) == self.ledger.shown()
        assert_cells_are_right(self.customer)


def stored(customer: Customer) -> Counter[tuple[Any, ...]]:
    """The claims as the ledger shows them."""
    with acting_in(customer):
        return Counter(shown(claim) for claim in Claim.objects.select_related("payer"))


def shown(claim: Claim) -> tuple[Any, ...]:
    return (
        claim.claim_number[:1] if claim.claim_number.startswith("~") else claim.claim_number,
        str(claim.submitted_date),
        normalise(claim.payer.name),
        claim.cpt,
        claim.cpt_group,
        claim.service_date and str(claim.service_date),
        claim.billed_amount,
        claim.allowed_amount,
        claim.paid_amount,
        claim.outcome,
        claim.status,
        claim.decided_date and str(claim.decided_date),
        claim.denial_category,
        claim.first_outcome,
        claim.first_decided_date and str(claim.first_decided_date),
        claim.first_denial_category,
    )


@pytest.mark.proof
@pytest.mark.django_db
@settings(
    max_examples=1500 if FULL else 50,
    deadline=None,
    derandomize=not FULL,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(walked=steps, batch_rows=st.sampled_from((1, 3, 25_000)))
def test_claims_and_cells_are_right_after_every_step(tmp_path: Path, walked: list[Any], batch_rows: int):
    walk = Walk(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "BATCH_ROWS", batch_rows)
        for name, *arguments in walked:
            getattr(walk, name)(*arguments)
            walk.compare()
