"""Whether tests run the lines of the product that changed: changed_lines.py [--since COMMIT] [TEST...]

1. What changed is what differs from COMMIT, or else from where this branch left the one it is pushed to.
2. The tests beside it run on SQLite, traced: those of each package that changed, those that changed themselves, and
   those named. What is long and adds nothing to the coverage of the others is left out.
3. Of the lines that changed, 85 in 100 must have run; those of migrations are not counted, as each database's making
   runs them. Exit code 0: they have, or nothing of the product changed; 1: a test failed, or too few have; 2: it could
   not be found out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
PRODUCT = Path("src/payerwatch")
LEAST = 85
ELSEWHERE = {"measuring": ("measuring", "health", "web"), "web": ("web", "api")}
"""Packages of which the tests are in other folders than the one of the same name alone."""
OF_MODULES = ("operations",)
"""Where what stands in no package is tested: by commands."""
NOT_NOW = "not proof and not untraced and not minutes"


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    since = asked.since or os.environ.get("PRE_COMMIT_FROM_REF") or _where_this_branch_left()
    if since is None:
        print("Nothing is known that this branch came from. Name it: --since COMMIT", file=sys.stderr)
        return 2
    try:
        changed = _changed(since)
    except subprocess.CalledProcessError as error:
        print(f"What changed since {since} cannot be told: {error.stderr.strip()}", file=sys.stderr)
        return 2
    if not any(each.is_relative_to(PRODUCT) for each in changed):
        print("Nothing of the product changed.")
        return 0
    tests = sorted({*tests_beside(changed), *map(os.path.abspath, asked.tests)})
    with tempfile.TemporaryDirectory() as place:
        os.environ["COVERAGE_FILE"] = str(Path(place) / "coverage")
        return 0 if _pass_traced(tests) and _enough_ran(changed, since, Path(place) / "coverage.xml") else 1


def tests_beside(changed: Iterable[Path]) -> set[str]:
    """The files of tests that belong to these files of the project."""
    found: set[str] = set()
    for each in changed:
        if each.is_relative_to(PRODUCT):
            for folder in _folders(each.relative_to(PRODUCT)):
                found.update(map(str, (ROOT / "tests" / folder).glob("**/test_*.py")))
        elif each.parts[0] == "tests" and each.match("test_*.py"):
            found.add(str(ROOT / each))
    return found


def counted(changed: Iterable[Path]) -> list[Path]:
    """The files of the product of which the changed lines must run: coverage knows nothing of migrations."""
    return [each for each in changed if each.is_relative_to(PRODUCT) and "migrations" not in each.parts]


def _folders(module: Path) -> tuple[str, ...]:
    package = module.parts[0]
    return OF_MODULES if len(module.parts) == 1 else ELSEWHERE.get(package, (package,))


def _pass_traced(tests: Sequence[str]) -> bool:
    if not tests:
        print("No tests stand beside what changed. Name those that run it: changed_lines.py TEST...", file=sys.stderr)
        return False
    print(f"Tests on SQLite, of {len(tests)} files:", flush=True)
    at_once = min(len(tests), os.cpu_count() or 1)
    together = ("-n", str(at_once), "--dist", "loadfile") if at_once > 1 else ("-n", "0")
    return _pass("pytest", "-q", "--no-header", *together, "-m", NOT_NOW, "--cov", "--cov-report=", *tests)


def _enough_ran(changed: Iterable[Path], since: str, report: Path) -> bool:
    """Names each line that did not run."""
    asked = ",".join(map(str, counted(changed)))
    if not asked:
        print("Nothing changed of which lines are counted.")
        return True
    return _pass("coverage", "xml", "--quiet", f"--include={asked}", "-o", str(report)) and _pass(
        "diff-cover", str(report), f"--compare-branch={since}", f"--fail-under={LEAST}", "--show-uncovered"
    )


def _pass(program: str, *arguments: str) -> bool:
    """Of this environment, on SQLite, and with nothing that git tells its hooks."""
    left_out = {"DATABASE_URL", "MIGRATOR_DATABASE_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out and name[:4] != "GIT_"}
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, cwd=ROOT, env=kept, check=False).returncode == 0


def _changed(since: str) -> list[Path]:
    names = _git("diff", "--name-only", "--diff-filter=d", "-z", "--merge-base", since, "--", "*.py")
    return [Path(name) for name in names.split("\0") if name]


def _where_this_branch_left() -> str | None:
    for upstream in ("@{upstream}", "origin/HEAD", "origin/main", "main"):
        try:
            return _git("merge-base", upstream, "HEAD").strip()
        except subprocess.CalledProcessError:
            continue
    return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--since", metavar="COMMIT", help="what it is compared with")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="tests that run it as well")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
