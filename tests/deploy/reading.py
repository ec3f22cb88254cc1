"""What the files in deploy/ and .github/ say: commands, settings and services."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY, WORKFLOWS = ROOT / "deploy", ROOT / ".github" / "workflows"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = document(DEPLOY / "compose.yml")["services"]
    return found


def of_ours() -> dict[str, dict[str, Any]]:
    """The services made of our image."""
    return {name: each for name, each in services().items() if "build" in each}


def sources(service: dict[str, Any]) -> list[str]:
    """What a service has mounted: volumes by their names, and paths."""
    volumes: list[str | dict[str, str]] = service.get("volumes", [])
    return [each["source"] if isinstance(each, dict) else each.split(":")[0] for each in volumes]


def unit(path: Path) -> dict[str, list[str]]:
    """A unit's lines by name: one may stand there more than once."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def instructions(name: str) -> list[str]:
    """What follows that word in the Dockerfile, each with its continued lines."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


def steps(workflow: str) -> list[dict[str, Any]]:
    jobs = document(WORKFLOWS / f"{workflow}.yml")["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands() -> list[list[str]]:
    """Every call of `payerwatch` in units, the compose file and the image, without its first word."""
    lines = [line.replace("%i", "b1") for path in UNITS for line in unit(path)["ExecStart"]]
    found = [shlex.split(_filled_in(line)) for line in lines]
    found += [each["command"] for each in of_ours().values() if "command" in each]
    found += [yaml.safe_load(each) for each in instructions("CMD") if each.startswith("[")]
    return [words[1:] for words in found if Path(words[0]).name == "payerwatch"]


def _filled_in(line: str) -> str:
    """What the unit is told by files: an address, and more options, of which there are none."""
    return line.replace("$WORK_METRICS", "127.0.0.1:9464").replace("$WORK_OPTIONS", "").replace("$SERVE_OPTIONS", "")
