"""What the record costs and how fast it is verified.

    [scripts/with_postgres.py --] python benchmarks/audit.py [--entries 200000] [--appends 2000]

Printed are: entries verified in a second, from an export's lines and as stored in the database, with every
checkpoint in place; and the time an action's entry adds to its transaction, against one that does nothing, alternating.
On SQLite it runs in a directory of its own.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import django
from django.core.management import call_command
from django.db import transaction
from throwaway import refuse_unless_throwaway

ROUNDS = 5


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as directory:
        if "DATABASE_URL" not in os.environ:
            os.environ["PAYERWATCH_DATA_DIR"] = directory
        os.environ["PAYERWATCH_CHECKPOINT_DIR"] = f"{directory}/checkpoints"
        os.environ["PAYERWATCH_CHECKPOINT_KEY"] = f"{directory}/key.pem"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payerwatch.config.settings")
        django.setup()
        if "DATABASE_URL" in os.environ:
            refuse_unless_throwaway()
        call_command("migrate", verbosity=0)
        _measure(options.entries, options.appends, Path(directory))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What the record costs and how fast it is verified.")
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--appends", type=int, default=2_000)
    return parser.parse_args()


def _measure(entries: int, appends: int, directory: Path) -> None:
    # What needs Django set up.
    from payerwatch.audit.actors import Actor
    from payerwatch.audit.exports import begin_export
    from payerwatch.audit.record import Thing, record
    from payerwatch.audit.verifying.__main__ import main as verify_export
    from payerwatch.pipeline import add_customer
    from payerwatch.tenancy.context import acting_in

    actor = Actor("person", "per_7k2mxc9d4rwvbnhq", "Ana Analyst", "analyst", "192.0.2.17", "req_8w3nqz5tkxh2")
    customer = add_customer("Benchmark", actor=actor)

    def act(*, recorded: bool) -> None:
        with acting_in(customer):
            if recorded:
                after = {"filter": {"payer": 17, "from": "2026-01-01"}, "count": 50}
                record("read", Thing("claim"), actor=actor, after=after)

    plain, kept = _alternating(lambda: act(recorded=False), lambda: act(recorded=True), appends)
    print(f"a transaction {plain:.2f} ms, with its entry and checkpoint {kept:.2f} ms: {kept - plain:.2f} ms an entry")
    for _ in range(0, entries, 1_000):
        with transaction.atomic():
            for _ in range(1_000):
                act(recorded=True)
    _checkpoint_every_entry(customer.pk, entries + appends)
    export = begin_export(customer, actor=actor, form="jsonl")
    path = directory / "export.jsonl"
    with path.open("w") as target:
        target.writelines(export.lines())
    proof = ["--checkpoints", f"{directory}/checkpoints", "--public-key", f"{directory}/key.public.pem"]
    lines = _median(lambda: _quietly(lambda: verify_export([str(path), *proof])))
    stored = _median(lambda: call_command("verify_audit", customer="Benchmark", json=True, stdout=io.StringIO()))
    for where, (wall, cpu) in (("from an export", lines), ("as stored", stored)):
        print(
            f"{export.last:,} entries {where}: {export.last / wall:,.0f} a second (at least 50,000), "
            f"{export.last / cpu:,.0f} in a second of this process's own time"
        )


def _checkpoint_every_entry(customer: int, length: int) -> None:
    """As if each had been a transaction of its own, which is what costs the verifier most."""
    from payerwatch.audit import checkpointing
    from payerwatch.audit.chain import Head
    from payerwatch.audit.stored import stored_entries
    from payerwatch.tenancy.context import acting_in

    for file in checkpointing.checkpoint_directory().glob(f"customer-{customer}.*"):
        file.unlink()
    with acting_in(customer, reading=True):
        for entry in stored_entries(customer, 1, length):
            at = datetime.fromtimestamp(entry.at / 1_000_000, UTC)
            checkpointing._append(checkpointing._signed(Head(customer, entry.position, entry.digest, at)))


def _alternating(one: Callable[[], None], other: Callable[[], None], times: int) -> tuple[float, float]:
    """Median milliseconds of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for act, into in zip((one, other), taken, strict=True):
            began = time.perf_counter()
            act()
            into.append((time.perf_counter() - began) * 1_000)
    return statistics.median(taken[0]), statistics.median(taken[1])


def _median(act: Callable[[], object]) -> tuple[float, float]:
    """Median seconds, by the clock and of this process's own time: on a busy machine they are far apart."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        began, own = time.perf_counter(), time.process_time()
        act()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - own)
    return statistics.median(wall), statistics.median(cpu)


def _quietly(act: Callable[[], int]) -> None:
    shown, sys.stdout = sys.stdout, io.StringIO()
    try:
        if act():
            sys.exit(f"The export does not stand: {sys.stdout.getvalue()}")
    finally:
        sys.stdout = shown


if __name__ == "__main__":
    main()
