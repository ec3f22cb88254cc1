"""Tables could be distributed by customer as they are: see docs/decisions/0030-ready-to-be-spread.md."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payerwatch.jobs.job import Job
from tests.api.test_paging import LISTINGS
from tests.api.world import ask, built, unhindered
from tests.architecture.test_tenant_tables import TABLES_WITHOUT_POLICY, TENANT_MODELS, fetch
from tests.make import answer, claims_file, customer, denied, pending, row

TENANT_TABLES = {model._meta.db_table for model in TENANT_MODELS}
DECISION = Path(__file__).parents[2] / "docs/decisions/0030-ready-to-be-spread.md"

# What tenant tables have keys to is copied to each node, and what these have keys to.
REFERENCE_TABLES = {"tenancy_customer", "members_person"}
# All else that has no policy stays on the coordinator, with what the throttle and Django keep.
LOCAL_TABLES = TABLES_WITHOUT_POLICY - REFERENCE_TABLES | {"throttling_hit", "django_migrations"}


class Key(NamedTuple):
    table: str
    name: str
    columns: list[str]
    parent: str
    parent_columns: list[str]


UNIQUE = """
SELECT indrelid::regclass::text, indexrelid::regclass::text,
       array(SELECT attname::text FROM pg_attribute
             WHERE attrelid = indrelid AND attnum = ANY (indkey[:indnkeyatts - 1]))
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE indisunique AND relnamespace = 'public'::regnamespace
"""
FOREIGN = """
SELECT conrelid::regclass::text, conname::text,
       array(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place),
       confrelid::regclass::text,
       array(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY AS k(number, place)
             JOIN pg_attribute ON attrelid = confrelid AND attnum = number ORDER BY place)
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
"""


@pytest.mark.postgresql
@pytest.mark.django_db
def test_whatever_is_unique_in_a_tenant_table_names_the_customer():
    found = [(table, name, columns) for table, name, columns in fetch(UNIQUE) if table in TENANT_TABLES]
    assert {table for table, *_ in found} == TENANT_TABLES
    assert [each for each in found if "customer_id" not in each[2]] == []


@pytest.mark.postgresql
@pytest.mark.django_db
def test_keys_stay_within_a_customer_or_name_what_is_on_every_node():
    keys = [Key(*each) for each in fetch(FOREIGN)]
    assert [key for key in keys if not _may_be_kept(key)] == []
    assert {key.parent for key in keys if key.table in TENANT_TABLES} - TENANT_TABLES == REFERENCE_TABLES


def _may_be_kept(key: Key) -> bool:
    if key.parent in TENANT_TABLES:
        together = list(zip(key.columns, key.parent_columns, strict=True))
        return key.table in TENANT_TABLES and ("customer_id", "customer_id") in together
    return key.parent in REFERENCE_TABLES or key.table in LOCAL_TABLES


@pytest.mark.pure
def test_the_decision_says_where_each_table_would_be_kept():
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", DECISION.read_text()))
    assert named >= {table for table in REFERENCE_TABLES | LOCAL_TABLES if not table.startswith("procrastinate")}


@pytest.mark.pure
def test_a_job_carries_the_customer():
    assert Job._fields == ("step", "customer_id", "public_id")


# Statements

_READ = re.compile(
    r'\b(?:FROM|JOIN|UPDATE|USING)\s+"?([a-z]+_[a-z]+)"?'
    r'(?:\s+(?:AS\s+)?"?(?!(?:ON|SET|WHERE|INNER|LEFT|ORDER|GROUP|LIMIT)\b)([A-Za-z]\w*)"?)?'
)
_WRITTEN = re.compile(r'INSERT INTO "?([a-z]+_[a-z]+)"? \(([^)]*)\)')
_NUMBER = re.compile(r'customer_id"? = \(?(\d+)')
_OF_NO_TABLE = re.compile(r'(?<![."\w])"?customer_id"? = ')


@pytest.mark.django_db(transaction=True)
def test_every_statement_of_a_load_and_a_run_names_one_customer(tmp_path: Path):
    practice = customer()
    rows = [
        each(number=f"C{n}", submitted=f"2026-0{1 + n % 6}-05") for n, each in enumerate((row, denied, pending) * 9)
    ]
    with CaptureQueriesContext(connection) as sent:
        loaded = answer("load", claims_file(tmp_path, rows)).document
        for command in (("map_payer", "Aetna", "Cigna"), ("detect",), ("undo", loaded["upload"])):
            assert answer(*command).code == 0
    assert not_of_one_customer(sent.captured_queries, practice.pk) == []


@pytest.mark.django_db(transaction=True)
def test_every_statement_of_a_listing_names_one_customer():
    with unhindered():
        world = built()
        headers = world.headers("owner")
        with CaptureQueriesContext(connection) as sent:
            for listing in LISTINGS.values():
                assert ask(headers, "GET", listing.path()).status == 200
    assert not_of_one_customer(sent.captured_queries, world.own.customer.pk) == []


def not_of_one_customer(sent: Sequence[dict[str, str]], customer: int) -> list[str]:
    """The statements of tenant tables in which a table is not tied to this customer, or there is another."""
    of_tenants = [(each["sql"], *tables_of(each["sql"])) for each in sent]
    of_tenants = [(statement, read, written) for statement, read, written in of_tenants if read or written]
    assert {len(read) for _, read, _ in of_tenants} > {1}
    return [statement for statement, read, written in of_tenants if not _is_of(customer, statement, read, written)]


def tables_of(statement: str) -> tuple[list[str], list[str]]:
    """What each tenant table that is read is called there; the columns of each that rows are put into."""
    read = [alias or table for table, alias in _READ.findall(statement) if table in TENANT_TABLES]
    return read, [columns for table, columns in _WRITTEN.findall(statement) if table in TENANT_TABLES]


def _is_of(customer: int, statement: str, read: list[str], written: list[str]) -> bool:
    """Where one table is read a column needs no table's name; where several are, one may go without."""
    tied = [table for table in read if re.search(rf'\b{table}"?\."?customer_id\b', statement)]
    unnamed = len(read) - len(tied)
    numbers = {int(number) for number in _NUMBER.findall(statement)}
    return (
        numbers == ({customer} if read else set())
        and unnamed <= min(1, len(_OF_NO_TABLE.findall(statement)))
        and all("customer_id" in columns for columns in written)
    )
