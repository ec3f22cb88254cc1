"""A TypeScript program that knows the API by its description alone compiles strictly and gets what it asks for."""

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.conftest import Installation
from tests.journeys.serving import PASSWORD, Served, add_member, serving
from tests.openapi.tools import HERE, node, run

pytestmark = [pytest.mark.database, pytest.mark.once]

GOLDEN = HERE.parents[1] / "docs" / "openapi.json"
OWNER = "owner@example.com"


@pytest.fixture
def project() -> Iterator[Path]:
    """The program beside its types, made of the description, where the compiler finds node's own types."""
    folder = HERE / "node_modules" / f".client-{uuid.uuid4().hex[:8]}"
    shutil.copytree(HERE / "client", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    config = folder / "tsconfig.json"
    config.write_text(config.read_text().replace("../node_modules/@types", "../@types"))
    made = run("openapi-typescript", GOLDEN, "--output", folder / "api.d.ts", cwd=folder)
    assert made.returncode == 0, made.stderr
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def served(installation: Installation, tmp_path: Path) -> Iterator[Served]:
    add_member(installation, OWNER)
    installation.run("sample", tmp_path / "sample", "--weeks", "60", "--claims-per-week", "150")
    with serving(installation) as running:
        yield running


def test_a_client_made_of_the_description_walks_from_a_file_to_what_changed(
    project: Path, served: Served, tmp_path: Path
):
    compiled = run("tsc", "--project", project)
    assert compiled.returncode == 0, compiled.stdout
    walked = node(
        [
            project / "walk.js",
            f"http://127.0.0.1:{served.port}/api/v1",
            OWNER,
            PASSWORD,
            tmp_path / "sample" / "claims.csv",
        ]
    )
    assert walked.returncode == 0, walked.stderr
    found = json.loads(walked.stdout)
    assert (found["who"], found["claims"], found["outcome"]) == ("person", 5, "denied")
    assert found["loaded"][0] == "loaded"
    assert found["loaded"][1] > 8000
    assert found["run"] == ["done", False]  # the file was judged when it was loaded, so there was nothing new
    assert found["events"]
    assert found["behind"] == 1
    assert set(found["top"]) <= set(found["events"])
    assert len(found["top"]) > 0
    assert len(found["uploads"]) == 1
    assert found["refused"] == "GET /claims/clm_999999999/: 404 not_found"


WRONG = [
    ('outcome: "denied"', 'outcome: "refused"', '"denied"'),
    ("claim?.outcome", "claim?.result", "'result'"),
    ('client.get("/uploads/")', 'client.get("/upload/")', '"/upload/"'),
    ('code: "", customer: null', "code: 1, customer: null", "'number'"),
]


def test_a_client_that_asks_otherwise_does_not_compile(project: Path):
    walk = (project / "walk.ts").read_text()
    for number, (right, wrong, _) in enumerate(WRONG):
        assert right in walk
        (project / f"wrong{number}.ts").write_text(walk.replace(right, wrong))
    compiled = run("tsc", "--project", project, "--noEmit")
    for number, (_, _, said) in enumerate(WRONG):
        assert any(f"wrong{number}.ts" in line and said in line for line in compiled.stdout.splitlines()), said
