"""An installation that is deployed once for all tests of a module: each leaves one build used, and no other running.

And builds that are pretended, for each test anew.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from payerwatch.release import switching, watching
from payerwatch.release.layout import Layout
from payerwatch.release.processes import PARTS
from payerwatch.release.switching import Result
from tests.journeys.conftest import copy_of, migrated
from tests.journeys.serving import UNHINDERED, add_member
from tests.make import claims_file, row
from tests.release.builds import install
from tests.release.deployed import FULL, TOKEN, Deployed
from tests.release.pretended import Pretended, release
from tests.wires import wire

__all__ = ["migrated"]
collect_ignore = [] if FULL else ["test_releasing_in_full.py"]
SCOPES = ("claims.read", "customer.read", "events.read", "mappings.read", "mappings.manage")


@pytest.fixture(scope="module")
def deployed(migrated: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    root = tmp_path_factory.mktemp("opt")
    with copy_of(migrated, tmp_path_factory.mktemp("data")) as installation:
        add_member(installation, "ada@example.com")
        installation.ask("load", claims_file(root, [row()]))
        scopes = [word for scope in SCOPES for word in ("--scope", scope)]
        key = str(installation.ask("issue_key", "--name", "release", *scopes)["key"])
        (root / "key").write_text(key)
        install(root, "old")
        environment = installation.environment | UNHINDERED | {"PAYERWATCH_METRICS_TOKEN": TOKEN}
        with wire(lambda: root / "http.sock") as between:
            there = Deployed(installation, root, between, key, environment)
            try:
                code, said = there.switch("old", watched=0)
                assert code == 0, said
                yield there
            finally:
                for build in there.layout.builds():
                    for part in PARTS:
                        there.processes.stop(build, part, within=20)


@pytest.fixture
def pretended(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretended]:
    """`old` is used."""
    monkeypatch.setattr(switching, "SETTLES", 0.0)
    monkeypatch.setattr(switching, "ANSWERS_AGAIN_WITHIN", 0.3)
    monkeypatch.setattr(watching, "CLOSELY", 0.02)
    monkeypatch.setattr(watching, "FAILS_FOR", 0.1)
    there = Pretended(Layout(tmp_path_factory.mktemp("r")))
    there.install("old", answered=1000, seconds=10.0)
    assert release(there).switch("old") is Result.SWITCHED
    yield there
    there.stop_all()
