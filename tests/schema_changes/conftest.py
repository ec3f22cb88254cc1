"""The trial's application within the tests' own database, and claims for its migrations to go over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

from payerwatch.tenancy.models import Customer
from tests.make import answer, claims_file, row
from tests.make import customer as make_customer

FIRST, LAST = "0001_claims_as_they_are", "0008_after_leaving"
STEPS = (
    "0002_before_columns",
    "0003_before_index",
    "0004_before_unique",
    "0005_before_check",
    "0006_after_filling",
    "0007_before_leaving",
    LAST,
)


def migrate(*words: str, **options: object) -> None:
    call_command("migrate", *words, verbosity=0, **options)


@pytest.fixture
def practices(tmp_path: Path) -> list[Customer]:
    """Two, with claims."""
    made = [make_customer("One"), make_customer("Two")]
    for practice in made:
        rows = [row(number=f"C{number}") for number in range(60)]
        assert answer("load", claims_file(tmp_path, rows), customer=practice.name).code == 0
    return made


@pytest.fixture
def trial(practices: list[Customer]) -> Iterator[None]:
    """Its first migration is applied, which changes nothing of the tables."""
    with override_settings(MIGRATION_MODULES={}):
        migrate("trial", FIRST)
        try:
            yield
        finally:
            migrate("trial", "zero")
