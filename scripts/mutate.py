"""Whether tests find small faults: mutate.py [SUBJECT...] [--only WORDS] [--part N/OF]

For each subject (statistics, signing, chain, throttling, tenancy), and each fault of scripts/mutations.py:

1. The subject's tests run once without a fault, watched: which lines does each run, and how long does it take?
2. For each fault the process is forked. In the copy the function has the fault, and the tests that run its line
   follow each other, the quickest first, until one fails: then the fault was found. One that makes them take five times
   as long was found as well.
3. A copy without a fault must pass them all, at the beginning and at the end: else nothing that was found counts.

Exit code 0: all were found but for those that docs/mutation.md says change nothing; 1: some were not; 2: it could not
be found out. What only other processes run is not seen, as they are not copies.
"""

from __future__ import annotations

import argparse
import inspect
import os
import resource
import signal
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import coverage
import pytest
from _pytest.runner import runtestprotocol
from mutations import Fault, faults

ROOT = Path(__file__).parents[1]
PRODUCT = ROOT / "src/payerwatch"
KNOWN = ROOT / "docs/mutation.md"
PATIENCE, LEAST_PATIENCE = 5, 5
"""Times as much of the processor's time as without a fault; seconds, which it has in any case."""
COPY_BROKEN = 3
WAITING = 120.0
"""Seconds that a copy may wait for something else than the processor, such as a lock that nobody gives back."""


class Subject(NamedTuple):
    files: tuple[str, ...]
    tests: tuple[str, ...]


SUBJECTS = {
    "statistics": Subject(
        tuple(
            f"drift/{name}.py"
            for name in (
                *("statistics", "opinion", "window_tests", "rate_baseline", "strata", "decision_delay"),
                *("denial_rate", "lag_denial_rate", "detectors", "lifecycle"),
            )
        ),
        tuple(
            f"tests/drift/test_{name}.py"
            for name in (
                *("statistics", "thresholds", "recomputed", "detectors", "measures", "golden_vectors"),
                *("lifecycle", "explanations"),
            )
        ),
    ),
    "signing": Subject(
        ("deliveries/signing.py", "sealing/sealing.py", "audit/verifying/definition.py"),
        ("tests/deliveries/test_signing.py", "tests/sealing/test_sealing.py", "tests/audit/test_definition.py"),
    ),
    "chain": Subject(("audit/verifying/walking.py", "audit/verifying/vouching.py"), ("tests/audit",)),
    "throttling": Subject(
        ("throttling/window.py", "throttling/rates.py", "throttling/verdict.py"),
        tuple(f"tests/throttling/test_{name}.py" for name in ("window", "rates", "headers", "policies")),
    ),
    "tenancy": Subject(
        ("tenancy/context.py", "tenancy/models.py", "tenancy/statements.py"),
        tuple(
            f"tests/tenancy/test_{name}.py"
            for name in ("context", "layers", "statements", "customers", "keys", "ahead", "conflicts")
        ),
    ),
}


class Result(NamedTuple):
    place: str
    """The file and the function, and the fault in words: what docs/mutation.md knows it by."""
    found: bool
    ran: int
    """How many tests run the line."""


class Unusable(Exception):
    """The tests fail without a fault: what they then find says nothing."""


class Trial:
    """A plugin of pytest: in the place of running the tests, tries the faults on them."""

    def __init__(self, files: Sequence[str], only: str, part: tuple[int, int]) -> None:
        self._files = {str(PRODUCT / name): name for name in files}
        self._only, self._part = only, part
        self._seconds: dict[pytest.Item, float] = {}
        self._by_line: dict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
        self.results: list[Result] = []
        self.unusable = ""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        try:
            self._watch(session)
            _let_go_of_connections()
            self._refuse_unless_copies_pass(session)
            for number, (file, fault) in enumerate(self._faults()):
                if number % self._part[1] == self._part[0]:
                    self._try(session, file, fault)
            self._refuse_unless_copies_pass(session)
        except Unusable as reason:
            self.unusable = str(reason)
        return True

    def _faults(self) -> Iterator[tuple[str, Fault]]:
        for path in self._files:
            for fault in faults(Path(path)):
                if self._only in f"{self._files[path]} {fault.function}":
                    yield path, fault

    def _watch(self, session: pytest.Session) -> None:
        watched = coverage.Coverage(data_file=None, config_file=False, include=list(self._files), messages=False)
        watched.start()
        for item, following in zip(session.items, [*session.items[1:], session.items[0]], strict=True):
            watched.switch_context(item.nodeid)
            began = time.process_time()
            _refuse_unless_passed(item, following)
            self._seconds[item] = time.process_time() - began
        watched.stop()
        named = {item.nodeid: item for item in session.items}
        for path in self._files:
            for line, contexts in watched.get_data().contexts_by_lineno(path).items():
                self._by_line[path, line] = sorted({named[each] for each in contexts if each}, key=self._seconds.get)

    def _refuse_unless_copies_pass(self, session: pytest.Session) -> None:
        every = sorted({item for items in self._by_line.values() for item in items}, key=self._seconds.get)
        if _finds(session, every, None, self._patience(every)):
            raise Unusable("in a forked process some fail, or take long, without a fault")

    def _try(self, session: pytest.Session, path: str, fault: Fault) -> None:
        items = self._by_line[path, fault.line]
        found = bool(items) and _finds(session, items, (path, fault), self._patience(items))
        result = Result(f"{self._files[path]} {fault.function}: {fault.says}", found, len(items))
        self.results.append(result)
        if not found:
            print(f"not found ({len(items)} tests run line {fault.line}) {result.place}", flush=True)

    def _patience(self, items: Sequence[pytest.Item]) -> int:
        return LEAST_PATIENCE + round(PATIENCE * sum(self._seconds[item] for item in items))


def _refuse_unless_passed(item: pytest.Item, following: pytest.Item) -> None:
    if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
        raise Unusable(f"{item.nodeid} fails without a fault")


def _finds(
    session: pytest.Session, items: Sequence[pytest.Item], fault: tuple[str, Fault] | None, patience: int
) -> bool:
    """Whether in a copy of this process one of the tests fails, or they do not come to an end."""
    copy = os.fork()
    if copy == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (patience, patience))
        try:
            failed = _fails_in_this_copy(session, items, fault)
        except BaseException:  # a copy must never go on as if it were the process that it was copied from
            traceback.print_exc()
            os._exit(COPY_BROKEN)
        os._exit(failed)
    ended = time.monotonic() + WAITING + 10 * patience
    while time.monotonic() < ended:
        done, status = os.waitpid(copy, os.WNOHANG)
        if done:
            if os.waitstatus_to_exitcode(status) == COPY_BROKEN:
                raise Unusable(f"{fault and fault[1].says} could not be tried")
            return status != 0
        time.sleep(0.005)
    os.kill(copy, signal.SIGKILL)
    os.waitpid(copy, 0)
    return True


def _fails_in_this_copy(session: pytest.Session, items: Sequence[pytest.Item], fault: tuple[str, Fault] | None) -> bool:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if fault is not None:
        os.dup2(nowhere, 2)
        _put_in(*fault)
    session._setupstate.teardown_exact(items[0])
    for item, following in zip(items, [*items[1:], items[0]], strict=True):
        failed = [each for each in runtestprotocol(item, log=False, nextitem=following) if each.failed]
        if failed and fault is None:
            print(f"{item.nodeid}: {failed[0].longrepr}", file=sys.stderr, flush=True)
        if failed:
            return True
    return False


def _put_in(path: str, fault: Fault) -> None:
    module = next(each for each in list(sys.modules.values()) if getattr(each, "__file__", None) == path)
    function = _function(module, fault.function)
    function.__code__ = fault.code
    for each in vars(module).values():  # what it answered before
        if hasattr(each, "cache_clear"):
            each.cache_clear()


def _function(module: Any, name: str) -> FunctionType:
    found: Any = module
    for part in name.split("."):
        found = inspect.getattr_static(found, part)
    while not isinstance(found, FunctionType):  # a property, a method of the class, what a decorator made
        found = next(
            getattr(found, each) for each in ("__wrapped__", "__func__", "fget", "func") if hasattr(found, each)
        )
    return inspect.unwrap(found)


def _let_go_of_connections() -> None:
    """A copy has its own: two processes that talk to PostgreSQL on one would hear each other's answers."""
    from django.db import connection  # its settings are there once pytest has read its own

    if connection.vendor == "postgresql":
        connection.close()


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    number, _, of = asked.part.partition("/")
    known = KNOWN.read_text().replace("\\|", "|")  # as a table writes it
    worst = 0
    for name in asked.subjects or SUBJECTS:
        trial = Trial(SUBJECTS[name].files, asked.only, (int(number) - 1, int(of)))
        began = time.monotonic()
        quietly = ("-q", "--no-header", "--no-summary", "-p", "no:xdist", "-p", "no:randomly", "--hypothesis-seed=0")
        pytest.main(
            [*quietly, "-m", "not proof", *(str(ROOT / each) for each in SUBJECTS[name].tests)], plugins=[trial]
        )
        worst = max(worst, _told(name, trial, known, time.monotonic() - began))
    return worst


def _told(name: str, trial: Trial, known: str, seconds: float) -> int:
    if trial.unusable or not trial.results:
        print(f"{name}: {trial.unusable or 'there is no such fault'}", file=sys.stderr)
        return 2
    missed = [each.place for each in trial.results if not each.found]
    new = [place for place in missed if f"`{place}`" not in known]
    found = len(trial.results) - len(missed)
    print(
        f"{name}: {len(trial.results)} faults, {found} found ({found / len(trial.results):.1%}), {len(missed)} not, "
        f"of which {len(missed) - len(new)} change nothing; {seconds:.0f} s"
    )
    return 1 if new else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", choices=[*SUBJECTS, []], metavar="SUBJECT", help=", ".join(SUBJECTS))
    parser.add_argument("--only", default="", metavar="WORDS", help="of files and functions with these in their names")
    parser.add_argument("--part", default="1/1", metavar="N/OF", help="every so many-th fault, from the N-th on")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
