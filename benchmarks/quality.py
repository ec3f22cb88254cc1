"""How well drift is found: `python benchmarks/quality.py [--full] [--seeds N] [--process practice|sample]`.

Draws histories whose truth is known, looks at each week by week as the product does, and prints what was
raised, found and missed, beside a rule of fixed thresholds. The quick run holds the scenarios that have a
target; --full all of them with 20 seeds, and writes tables and figures to benchmarks/results/.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from datetime import date
from functools import reduce
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

# One thread a process: two processes share two cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.quality_figures import Tally, tallies  # noqa: E402
from benchmarks.quality_process import draw  # noqa: E402
from benchmarks.quality_report import figures, tables, verdicts  # noqa: E402
from benchmarks.quality_sample_process import draw_sample  # noqa: E402
from benchmarks.quality_scenarios import SAMPLE_SCENARIOS, SCENARIOS, Scenario  # noqa: E402

PROCESSES = {"practice": draw, "sample": draw_sample}
SITUATIONS = {"practice": SCENARIOS, "sample": SAMPLE_SCENARIOS}
RESULTS = Path(__file__).parent / "results"
QUICK_SEEDS, FULL_SEEDS = 4, 20
FIRST_SEED = 1_000

Tallies = dict[str, Tally]


def main() -> int:
    """Run, print, write; 1 if a target is missed in a full run."""
    options = _options()
    chosen = [s for s in SITUATIONS[options.process] if options.full or s.essential]
    seeds = options.seeds or (FULL_SEEDS if options.full else QUICK_SEEDS)
    started = perf_counter()
    results = measure(chosen, seeds, options.process)
    text = tables(chosen, results)
    targets = verdicts(results)
    head = f"{seeds} seeds, process `{options.process}`, {date.today()}, {perf_counter() - started:.0f} s"
    report = "\n\n".join([head, *text, _target_lines(targets)])
    print(report)
    if options.full:
        _write(options.process, report, {"seeds": seeds, "figures": figures(results)})
    return int(options.full and not all(target["met"] for target in targets))


def measure(chosen: Iterable[Scenario], seeds: int, process: str) -> dict[str, Tallies]:
    """Tallies of every scenario, pooled over seeds."""
    jobs = [(scenario, FIRST_SEED + seed, process) for scenario in chosen for seed in range(seeds)]
    pooled: dict[str, Tallies] = {}
    with get_context("spawn").Pool(min(2, os.cpu_count() or 1)) as pool:
        for key, result in pool.imap_unordered(_one, jobs):
            pooled[key] = _added(pooled[key], result) if key in pooled else result
    return pooled


def _one(job: tuple[Scenario, int, str]) -> tuple[str, Tallies]:
    scenario, seed, process = job
    return scenario.key, tallies(PROCESSES[process](scenario.process, seed), scenario.kind)


def _added(one: Tallies, other: Tallies) -> Tallies:
    return {key: reduce(Tally.__add__, (one[key], other[key])) for key in one}


def _target_lines(targets: list[dict[str, object]]) -> str:
    lines = [
        f"- {'met' if target['met'] else '**missed**'}: {target['what']}: {target['is']} (target {target['target']})"
        for target in targets
    ]
    return "\n".join(["### Targets", "", *lines])


def _write(process: str, report: str, record: dict[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    stem = f"quality-{process}"
    (RESULTS / f"{stem}.md").write_text(report + "\n")
    record = {"date": date.today().isoformat(), "process": process, **record}
    (RESULTS / f"{stem}.json").write_text(json.dumps(record, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all scenarios, 20 seeds")
    parser.add_argument("--seeds", type=int, default=0, help="histories per scenario")
    parser.add_argument("--process", choices=PROCESSES, default="practice")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
