"""docs/load.md says how large the tests are, and its commands are understood."""

import re
import shlex
from pathlib import Path

import pytest
from loadtest.__main__ import _options

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "load.md").read_text()
GATE = TEXT.partition("## The gate")[2].partition("\n## ")[0]
FULL = TEXT.partition("## What it can do")[2]


@pytest.mark.parametrize(("what", "told"), [("gate", GATE), ("full", FULL)])
def test_the_size_that_is_told_is_that_of_the_test(what: str, told: str):
    options = _options([what])
    assert f"{options.claims:,} claims of {options.customers} customers" in told


def test_the_full_seed_of_the_gate_is_that_of_the_other_test_and_part_of_the_proofs():
    [words] = re.findall(r'LOADTEST_ARGS="(--customers [^"]*)"', GATE)
    of_the_gate, full = _options(["gate", *shlex.split(words)]), _options(["full"])
    assert (of_the_gate.customers, of_the_gate.claims) == (full.customers, full.claims)
    assert f"-m loadtest gate {words}\n" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("words", re.findall(r'LOADTEST_ARGS="([^"]*)"', GATE))
def test_what_the_gate_may_be_told_is_understood(words: str):
    _options(["gate", *shlex.split(words)])


@pytest.mark.parametrize("words", re.findall(r'LOADTEST_ARGS="([^"]*)"', FULL))
def test_what_the_full_test_may_be_told_is_understood(words: str):
    _options(["full", *shlex.split(words)])
