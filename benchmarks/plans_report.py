"""What the plans say of the tables and indexes: read to the end, never used, needless, and what they cost."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import psycopg
from plans_fill import Filled
from plans_read import Plans, Scan, administrator

_VALUE, _VALUES = re.compile(r"'(?:[^']|'')*'|\b\d+\b|\$\d+"), re.compile(r"\((?:\?, )+\?\)")
CLAIMS = "claims_claim"
MEASURED = 20_000
"""Rows that are stored to see what an index costs."""
MUCH = 1_000
"""Rows that were read for nothing, from which on it is told."""
_TABLES = "SELECT relname, relpages FROM pg_class WHERE relrowsecurity AND relkind = 'r' ORDER BY relname"
_INDEXES = """
SELECT index.relname, heap.relname, indisunique, indisprimary, pg_relation_size(index.oid),
    ARRAY(SELECT pg_get_indexdef(index.oid, place, true) FROM generate_series(1, indnkeyatts) place),
    coalesce(pg_get_expr(indpred, indrelid), ''), coalesce(idx_scan, 0)
FROM pg_index
JOIN pg_class index ON index.oid = indexrelid JOIN pg_class heap ON heap.oid = indrelid
LEFT JOIN pg_stat_user_indexes used ON used.indexrelid = index.oid
WHERE heap.relrowsecurity ORDER BY heap.relname, index.relname
"""


class Index(NamedTuple):
    name: str
    table: str
    unique: bool
    primary: bool
    size: int
    columns: Sequence[str]
    condition: str
    scanned: int

    def needless_beside(self, other: "Index") -> bool:
        """Whether the other finds whatever this one does; one that keeps rows unlike is needed all the same."""
        begins_alike = list(other.columns[: len(self.columns)]) == list(self.columns)
        same_rows = self.table == other.table and self.condition == other.condition and self.name != other.name
        shorter = len(self.columns) < len(other.columns) or other.unique or self.name > other.name
        return same_rows and begins_alike and not self.unique and shorter


def report(plans: Plans, filled: Sequence[Filled], *, small: int, costs: bool) -> int:
    """Print it; 1 where a table of customers' rows was read to its end, or an index is needless, else 0."""
    with administrator() as connection:
        tables = dict(connection.execute(_TABLES).fetchall())
        indexes = [Index(*row) for row in connection.execute(_INDEXES).fetchall()]
        print(f"\n{len(plans.statements):,} statements on {len(tables)} tables with {len(indexes)} indexes")
        read_whole = _read_whole(plans, {name for name, pages in tables.items() if pages > small})
        _report_read_whole(read_whole, tables, small)
        _report_unused(plans, indexes)
        needless = [(each, other) for each in indexes for other in indexes if each.needless_beside(other)]
        print("\nNeedless beside another:", _listed(f"{each.name} ({other.name})" for each, other in needless))
        if costs:
            _report_read_for_nothing(plans, tables)
            _report_costs(connection, indexes, plans, filled)
    return int(bool(read_whole or needless))


def _read_whole(plans: Plans, tables: Iterable[str]) -> Mapping[tuple[str, str], list[Scan]]:
    """By table and statement."""
    found: dict[tuple[str, str], list[Scan]] = defaultdict(list)
    for scan in plans.scans.values():
        if not scan.index and scan.table in tables:
            found[scan.table, _short(scan.statement)].append(scan)
    return found


def _report_read_whole(found: Mapping[tuple[str, str], list[Scan]], tables: Mapping[str, int], small: int) -> None:
    which = f"tables of more than {small} pages" if small > 0 else "any table"
    print(f"\nRead from their beginning to their end, {which}: {len(found) or 'none'}")
    for (table, statement), scans in sorted(found.items()):
        print(f"  {table} ({tables[table]:,} pages) by {', '.join(sorted({each.asked_by for each in scans})[:4])}")
        print(f"    {statement}")


def _report_unused(plans: Plans, indexes: Sequence[Index]) -> None:
    unused = [each for each in indexes if each.name not in plans.indexes]
    print("\nUsed by nothing:", _listed(each.name for each in unused if not each.unique))
    print("Not read, but keep rows unlike:", _listed(each.name for each in unused if each.unique))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _report_read_for_nothing(plans: Plans, tables: Mapping[str, int]) -> None:
    """One line for a table, an index and what asked, without the customer's size: the worst of each."""
    worst: dict[tuple[str, str, str], Scan] = {}
    for scan in plans.scans.values():
        key = (scan.table, scan.index, scan.asked_by.partition(": ")[2])
        if scan.table in tables and scan.left_out > max(MUCH, worst[key].left_out if key in worst else 0):
            worst[key] = scan
    print(f"\nRead for nothing, {MUCH:,} rows or more:")
    for scan in sorted(worst.values(), key=lambda each: -each.left_out)[:60]:
        print(f"  {scan.left_out:>10,} of {scan.table} by {scan.index:<34} {scan.asked_by}")


def _short(statement: str) -> str:
    """Without its values, so that one is told once whoever asked it, and without what it selects."""
    words = " ".join(statement.replace("\\n", " ").replace('\\"', "").split())
    text = _VALUE.sub("?", words)
    text = _VALUES.sub("(?)", text)
    before, found, rest = text.partition(" FROM ")
    return f"{before[:60]} … FROM {rest}"[:600] if found else text[:600]


# What they cost


def _report_costs(
    connection: psycopg.Connection, indexes: Sequence[Index], plans: Plans, filled: Sequence[Filled]
) -> None:
    of_table: dict[str, int] = defaultdict(int)
    for each in indexes:
        of_table[each.table] += each.size
    print(f"\n{'table':<26}{'rows, MiB':>12}{'indexes, MiB':>14}{'ratio':>8}")
    for table, size in sorted(of_table.items(), key=lambda each: -each[1])[:12]:
        (heap,) = connection.execute("SELECT pg_table_size(%s::regclass)", [table]).fetchone() or (0,)
        print(f"{table:<26}{heap / 2**20:>12,.0f}{size / 2**20:>14,.0f}{size / heap if heap else 0:>8.2f}")
    own = [each for each in indexes if each.table == CLAIMS]
    written = _written_without(connection, own, filled[len(filled) // 2].customer)
    print(f"\n{'index of claims':<30}{'MiB':>7}{'asked by':>10}{'WAL a claim less without it':>30}")
    for each in own:
        less = f"{written[''] - written[each.name]:,.0f} bytes" if each.name in written else ""
        print(f"{each.name:<30}{each.size / 2**20:>7,.0f}{len(plans.indexes.get(each.name, ())):>10}{less:>30}")
    print(
        f"WAL a claim stored: {written['']:,.0f} bytes; with its unique and primary index alone {written['all']:,.0f}"
    )


def _written_without(connection: psycopg.Connection, indexes: Sequence[Index], customer: int) -> Mapping[str, float]:
    """Bytes of WAL for a claim stored, by the index that was missing; blank: none, `all`: all that may be missing.

    Taken back each time, the index and all.
    """
    secondary = [each.name for each in indexes if not each.unique]
    _stored(connection, customer, [])  # what a page's first change after a checkpoint writes is written now
    ways = {"": [], **{name: [name] for name in secondary}, "all": secondary}
    return {name: _stored(connection, customer, missing) for name, missing in ways.items()}


def _stored(connection: psycopg.Connection, customer: int, missing: Iterable[str]) -> float:
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attname NOT IN ('id', 'claim_key') ORDER BY attnum",
            [CLAIMS],
        )
    ]
    listed = ", ".join(columns)
    with connection.transaction(force_rollback=True):
        for name in missing:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(f"SET LOCAL app.customer_id = '{customer}'")
        plan = connection.execute(
            f"EXPLAIN (ANALYZE, WAL, TIMING off, FORMAT json) INSERT INTO {CLAIMS} (claim_key, {listed}) "
            f"SELECT 'W' || claim_key, {listed} FROM {CLAIMS} WHERE customer_id = {customer} "
            f"ORDER BY claim_key LIMIT {MEASURED}"
        ).fetchone()
    assert plan is not None
    told = plan[0][0]["Plan"]
    return float(told["WAL Bytes"]) / told["Plans"][0]["Actual Rows"]
