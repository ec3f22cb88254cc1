"""Run the previous release's tests on the tables of this one: previous_release.py [--from COMMIT] [--all | TEST...]

While a release is put in, the old code goes on serving: on the tables as they are after the migrations that come
before the new code, until the last old process has ended. So the old code's own tests must pass there.

1. The previous release is the COMMIT given, else the newest tag vX.Y.Z before this commit, else where this branch left
   origin/main; on main itself, while there is no tag, it is the commit that scripts/released names.
2. It is checked out beside. A PostgreSQL of its own is started, and in its template the previous release makes its
   tables, which this one then migrates as `migrate --before` does. Every database that the old tests make is so.
3. Its tests run there, by its own code in this environment: those that enter as production does, all with --all, or
   those named. What fails is tried once more, alone: a test that fails by chance cannot be mended there any more, and
   one that fails by our tables fails again.

On SQLite nothing of this is needed: one process is stopped, upgraded and started.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from throwaway_database import Unavailable
from with_postgres import FAST, installed_programs, temporary_cluster

ROOT = Path(__file__).parents[1]
RELEASED = ROOT / "scripts" / "released"
TEMPLATE = "template1"
AS_PRODUCTION_ENTERS = (
    "tests/journeys/test_first_journey.py",
    "tests/journeys/test_ingest_over_http.py",
    "tests/journeys/test_serving_people.py",
    "tests/journeys/test_serving_runs.py",
    "tests/journeys/test_told.py",
    "tests/journeys/test_uploads_over_http.py",
    "tests/journeys/test_work.py",
    "tests/jobs/test_queue.py",
    "tests/jobs/test_steps.py",
    "tests/deliveries/test_delivering.py",
    "tests/api/test_drift_runs.py",
    "tests/api/test_triage.py",
    "tests/api/test_uploads_in_order.py",
)
SOME_FAILED = 1  # pytest's exit code where all else was in order
QUICKLY = ("-m", "not proof and not minutes")
ITS_OWN_TABLES = "goes back along migrations of which the later ones are not known there, or counts them"
NO_TABLES = "is of a database without tables, and here every one has them"
LEFT_OUT = {
    "tests/api/test_fixtures.py": ITS_OWN_TABLES,
    "tests/architecture/test_tenant_tables.py::test_every_table_of_the_database_is_a_models_or_djangos": ITS_OWN_TABLES,
    "tests/claims/test_migrations.py": ITS_OWN_TABLES,
    "tests/jobs/test_migrations.py": ITS_OWN_TABLES,
    "tests/journeys/test_hostile_files.py::test_a_database_without_tables_is_refused_in_words": NO_TABLES,
    "tests/operations/test_nothing_empties.py": ITS_OWN_TABLES,
    "tests/operations/test_recording.py::test_every_migration_applied_is_on_record": ITS_OWN_TABLES,
    "tests/reports/test_issuing.py::test_the_migration_goes_back_and_forth": ITS_OWN_TABLES,
    "tests/sealing/test_migrations.py": ITS_OWN_TABLES,
    "tests/tenancy/test_migrations.py": ITS_OWN_TABLES,
    "tests/tenancy/test_with_postgres.py": "starts servers of its own",
    "tests/throttling/test_postgresql.py::test_the_migration_is_undone_and_made_again": ITS_OWN_TABLES,
}


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    try:
        previous = options.previous or _known_release()
        if _migrations(previous) == _migrations("HEAD"):
            print(f"{previous} has the same migrations: its tests have run on these tables.")
            return 0
        print(
            f"The tests of {_git('log', '-1', '--format=%h of %cs, %s', previous)}, on the tables of this release.",
            flush=True,
        )
        with temporary_cluster(installed_programs(), FAST) as urls, _checked_out(previous) as release:
            _make_tables(urls, release)
            chosen = options.tests or ([] if options.all else _as_production_enters(release))
            return _test(release, urls, chosen)
    except UnknownRelease as error:
        print(f"previous_release: {error}", file=sys.stderr)
        return 0 if options.if_known else 1
    except Unavailable as error:
        print(f"previous_release: {error}", file=sys.stderr)
        return 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="previous_release.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--from", dest="previous", metavar="COMMIT", help="the previous release, not looked for")
    parser.add_argument("--if-known", action="store_true", help="end well, and say so, where there is no history")
    parser.add_argument("--all", action="store_true", help="all its tests")
    parser.add_argument("tests", nargs="*", metavar="TEST", help="only these, such as tests/jobs")
    return parser.parse_args(arguments)


# Which release


class UnknownRelease(Unavailable):
    """This copy of the project has no history, or not enough of it, to say what was released before."""


def _known_release() -> str:
    try:
        return previous_release()
    except Unavailable as error:
        raise UnknownRelease(f"the previous release is not known, so its tests are not run: {error}") from None


def previous_release() -> str:
    """The commit or tag; see above. Raises Unavailable where the history that would tell it is not at hand."""
    if _git("rev-parse", "--is-shallow-repository") == "true":
        raise Unavailable("this clone has no history. Fetch it: git fetch --unshallow --tags")
    here = _git("rev-parse", "HEAD")
    for tag in _git("tag", "--merged", "HEAD", "--sort=-v:refname", "--list", "v[0-9]*.[0-9]*.[0-9]*").splitlines():
        if _git("rev-parse", f"{tag}^{{commit}}") != here:
            return tag
    left_at = _git("merge-base", "HEAD", "origin/main", missing="")
    if left_at not in ("", here):
        return left_at
    return _git("rev-parse", "--verify", f"{RELEASED.read_text().split()[0]}^{{commit}}")


def _git(*arguments: str, missing: str | None = None) -> str:
    """What git says; `missing`, if given, where it fails. Raises Unavailable."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unavailable("git is not installed, and the previous release is found in its history.") from None
    if done.returncode == 0:
        return done.stdout.strip()
    if missing is not None:
        return missing
    raise Unavailable(f"git {' '.join(arguments)}: {done.stderr.strip()}")


def _migrations(commit: str) -> dict[str, list[str]]:
    """The names of each application's migrations, in order."""
    found: dict[str, list[str]] = {}
    for path in sorted(_git("ls-tree", "-r", "--name-only", commit, "src/payerwatch/").splitlines()):
        match Path(path).parts[2:]:
            case (application, "migrations", file) if file.startswith("0"):
                found.setdefault(application, []).append(file.removesuffix(".py"))
    return found


@contextmanager
def _checked_out(commit: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="payerwatch-previous-") as directory:
        release = Path(directory) / "release"
        _git("worktree", "add", "--detach", str(release), commit)
        try:
            (release / "tests/openapi/node_modules").symlink_to(ROOT / "tests/openapi/node_modules")
            yield release
        finally:
            _git("worktree", "remove", "--force", str(release))


# Its tests on our tables


def _make_tables(urls: dict[str, str], release: Path) -> None:
    """Migrate the server's template, and leave no record of it: each database that is made from it has its own."""
    server = conninfo_to_dict(urls["DATABASE_URL"])
    owner = conninfo_to_dict(urls["MIGRATOR_DATABASE_URL"])["user"]
    with psycopg.connect(host=server["host"], port=server["port"], user="postgres", dbname=TEMPLATE) as template:
        template.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (TEMPLATE, str(owner)))))
    with tempfile.TemporaryDirectory(prefix="payerwatch-previous-") as directory:
        environment = os.environ | _in_template(urls) | {"PAYERWATCH_DATA_DIR": directory}
        migrate = [sys.executable, "-m", "payerwatch", "migrate", "-v", "0"]
        theirs = environment | {"PYTHONPATH": str(release / "src")}
        subprocess.run(migrate, cwd=release, env=theirs, check=True)
        subprocess.run(
            [*migrate, "--before"], cwd=ROOT, env=environment | {"PYTHONPATH": str(ROOT / "src")}, check=True
        )
    with psycopg.connect(host=server["host"], port=server["port"], user="postgres", dbname=TEMPLATE) as template:
        template.execute("SET session_replication_role = replica")
        template.execute("TRUNCATE audit_installationchain, audit_installationentry")


def _in_template(urls: dict[str, str]) -> dict[str, str]:
    named = ("DATABASE_URL", "MIGRATOR_DATABASE_URL")
    return {name: f"{urls[name].rpartition('/')[0]}/{TEMPLATE}" for name in named}


def _as_production_enters(release: Path) -> list[str]:
    return [*QUICKLY, *(path for path in AS_PRODUCTION_ENTERS if (release / path).exists())]


def _test(release: Path, urls: dict[str, str], chosen: Sequence[str]) -> int:
    environment = os.environ | urls | {"PYTHONPATH": str(release / "src")}
    _refuse_other_code(release, environment)
    for test, reason in LEFT_OUT.items():
        if not chosen or any(test.startswith(path) for path in chosen):
            print(f"left out: {test} {reason}", flush=True)
    left_out = [f"--deselect={test}" for test in LEFT_OUT]

    def run(*how: str) -> int:
        command = [sys.executable, "-m", "pytest", "-q", *how, *left_out, *chosen]
        return subprocess.run(command, cwd=release, env=environment, check=False).returncode

    code = run("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    if code != SOME_FAILED:
        return code
    print("What failed is tried once more, alone.", flush=True)
    return run("-n", "0", "--last-failed", "--last-failed-no-failures=none")


def _refuse_other_code(release: Path, environment: dict[str, str]) -> None:
    """The environment has this release installed; what is tested must be the previous one's, in its processes too."""
    command = [sys.executable, "-c", "import payerwatch; print(payerwatch.__file__)"]
    found = subprocess.run(command, cwd=release, env=environment, capture_output=True, text=True, check=True).stdout
    if not Path(found.strip()).is_relative_to(release):
        raise Unavailable(f"the code that would be tested is not the previous release's, but {found.strip()}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
