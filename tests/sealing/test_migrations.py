"""The columns of sealed values come and go with their rows; going is refused where it would lose numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from payerwatch.tenancy.models import Customer
from tests.make import answer, claims_file, pending, row
from tests.make import customer as make_customer
from tests.sealing.stored import raw
from tests.tenancy.schema import schema_as_text

pytestmark = pytest.mark.django_db(transaction=True)


def loaded(folder: Path) -> Customer:
    practice = make_customer()
    for name, found in (("one", [row(), pending(number="C2")]), ("two", [row(number="C2")])):
        assert answer("load", claims_file(folder, found, name=f"{name}.csv")).code == 0
    return practice


def migrate(name: str) -> None:
    call_command("migrate", "claims", name, verbosity=0)


def migrate_all() -> None:
    """What goes down with the claims comes up again as well."""
    call_command("migrate", verbosity=0)


def numbers(practice: Customer, column: str) -> list[Any]:
    return [raw(practice, table, column) for table in ("claims_claim", "claims_replacedclaim")]


def test_down_and_up_again_keeps_the_schema_and_the_rows(tmp_path: Path, use_keys: Callable[..., None]):
    use_keys()
    practice, schema = loaded(tmp_path), schema_as_text()
    before = numbers(practice, "claim_key"), raw(practice, "claims_upload", "filename")
    assert before == ([[("C1",), ("C2",)], [("C2",)]], [("one.csv",), ("two.csv",)])
    migrate("0001_initial")
    try:
        assert numbers(practice, "claim_number") == before[0]
    finally:
        migrate_all()
    assert schema_as_text() == schema
    assert (numbers(practice, "claim_key"), raw(practice, "claims_upload", "filename")) == before
    assert answer("load", claims_file(tmp_path, [row(number="C2")], name="two.csv")).document["already_loaded"]


def test_down_is_refused_while_numbers_are_sealed(tmp_path: Path, use_keys: Callable[..., None]):
    use_keys("2026a")
    practice = loaded(tmp_path)
    before = numbers(practice, "sealed_number")
    try:
        with pytest.raises(CommandError, match="rotate_field_keys --to plain"):
            migrate("0001_initial")
    finally:
        migrate_all()
    assert numbers(practice, "sealed_number") == before
