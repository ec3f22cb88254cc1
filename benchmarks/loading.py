"""Loading against bare COPY, side by side on one PostgreSQL.

    scripts/with_postgres.py -- python benchmarks/loading.py [--rows 1000000] [--rounds 3] [--index claims_claim_payer]

The product: `payerwatch load` of a sample practice's export, the whole process from start to exit (reading,
checking, staging, service lines, INSERT ... ON CONFLICT under forced row policies, run-off cells). The yardstick:
COPY of the very same rows, ids included, into a copy of the table without row policies but with the same indexes
and foreign keys. Rounds alternate; printed are medians, their ratio in rows per second, and the memory of the
loading process at 1/5 of the rows and at all of them, less that of loading a thousand rows. With `--index` instead:
the same load with that index and without it, in turn, which is the most that it can cost.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import django
import psycopg
from django.conf import settings
from psycopg import sql
from throwaway import refuse_unless_throwaway

CUSTOMER = "Benchmark"
TABLES = ("drift_driftevent", "drift_driftrun", "drift_runoffcell", "claims_replacedclaim", "claims_claim")
BLOCK = 1 << 20


def main() -> None:
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
    django.setup()
    refuse_unless_throwaway()
    _payerwatch("migrate", "--verbosity", "0")
    _payerwatch("add_customer", CUSTOMER)
    with tempfile.TemporaryDirectory() as name, _owner() as owner:
        directory = Path(name)
        if options.index:
            _report_index(options, owner, _sample(directory, options.rows))
            return
        files = {rows: _sample(directory / str(rows), rows) for rows in (1_000, options.rows // 5, options.rows)}
        memory = {rows: _load(owner, path)[1] for rows, path in files.items()}
        bare = _Bare(owner, directory / "claims.copy")
        loads, copies = [], []
        for _ in range(options.rounds):
            loads.append(_load(owner, files[options.rows])[0])
            copies.append(bare.copy())
    _report(options.rows, loads, copies, memory)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Loading against bare COPY.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--index", help="an index of claims to measure instead")
    return parser.parse_args()


def _sample(directory: Path, rows: int) -> Path:
    """An export of about this many rows over 80 weeks.

    Drawn by a process of its own: a process counts its parent's memory as its own peak, so this one stays small.
    """
    size = ("--weeks", "80", "--claims-per-week", str(rows // 80 + 1), "--until", "2026-08-30")
    _payerwatch("sample", str(directory), "--seed", "1", "--drift", "none", *size)
    return directory / "claims.csv"


def _owner() -> psycopg.Connection:
    """A connection as the role that owns the tables."""
    role = settings.MIGRATOR_DATABASE
    database = settings.DATABASES["default"]
    return psycopg.connect(
        host=role["HOST"] or role["OPTIONS"].get("host"),
        port=role["PORT"] or None,
        user=role["USER"],
        password=role["PASSWORD"],
        dbname=database["NAME"],
        autocommit=True,
    )


def _load(owner: psycopg.Connection, path: Path) -> tuple[float, int]:
    """Seconds and peak resident bytes of one `payerwatch load` into empty tables."""
    for table in (*TABLES, "claims_upload"):
        owner.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table)))
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "payerwatch", "load", str(path), "--customer", CUSTOMER, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    answer = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode or answer["set_aside"]:
        sys.exit(f"The load did not take every row: {answer.get('reasons')}")
    return seconds, usage.ru_maxrss * 1024


class _Bare:
    """A copy of the claims table without row policies, and the loaded rows as COPY's text."""

    def __init__(self, owner: psycopg.Connection, rows: Path) -> None:
        self._owner, self._rows = owner, rows
        owner.execute("DROP TABLE IF EXISTS bare_claim")
        owner.execute("CREATE TABLE bare_claim (LIKE claims_claim INCLUDING ALL)")
        keys = owner.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'claims_claim'::regclass AND contype = 'f'"
        ).fetchall()
        for (definition,) in keys:
            owner.execute(sql.SQL("ALTER TABLE bare_claim ADD {}").format(sql.SQL(definition)))

    def copy(self) -> float:
        """Seconds to COPY the rows that were just loaded into the empty table."""
        self._owner.execute("TRUNCATE bare_claim")
        with self._rows.open("wb") as target, self._owner.cursor().copy("COPY claims_claim TO STDOUT") as copy:
            for block in copy:
                target.write(block)
        began = time.perf_counter()
        with self._rows.open("rb") as source, self._owner.cursor().copy("COPY bare_claim FROM STDIN") as copy:
            while block := source.read(BLOCK):
                copy.write(block)
        return time.perf_counter() - began


def _report_index(options: argparse.Namespace, owner: psycopg.Connection, path: Path) -> None:
    """What loading takes with the index, as a multiple of what it takes without."""
    found = owner.execute("SELECT pg_get_indexdef(oid) FROM pg_class WHERE relname = %s", [options.index]).fetchone()
    if found is None:
        sys.exit(f"There is no index {options.index}.")
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(options.rounds):
        for present in (True, False):
            owner.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(options.index)))
            if present:
                owner.execute(found[0])
            taken[present].append(_load(owner, path)[0])
    with_it, without = (statistics.median(taken[present]) for present in (True, False))
    print(f"rows {options.rows:,}; {options.rounds} rounds, medians")
    print(f"with {options.index}  {with_it:.1f} s; without {without:.1f} s; ratio {with_it / without:.2f}")
    print(f"each: {taken}")


def _payerwatch(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "payerwatch", *arguments], check=True, stdout=subprocess.DEVNULL)


def _report(rows: int, loads: list[float], copies: list[float], memory: dict[int, int]) -> None:
    load, copy = statistics.median(loads), statistics.median(copies)
    least = min(memory.values())
    print(f"rows {rows:,}; {len(loads)} rounds, medians")
    print(f"payerwatch load  {load:7.1f} s  {rows / load:9,.0f} rows/s   ({', '.join(f'{s:.1f}' for s in loads)})")
    print(f"bare COPY        {copy:7.1f} s  {rows / copy:9,.0f} rows/s   ({', '.join(f'{s:.1f}' for s in copies)})")
    print(f"ratio            {copy / load:7.2f}    (at least 0.45, aim 0.65)")
    for size, peak in sorted(memory.items())[1:]:
        print(f"memory           {(peak - least) / 2**20:7.0f} MiB more at {size:,} rows than at {min(memory):,}")


if __name__ == "__main__":
    main()
