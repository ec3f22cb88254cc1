"""The rules by which somebody is woken, and the dashboard that is looked at then."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from payerwatch.health import exposing
from payerwatch.measuring.metrics import REGISTRY

pytestmark = [pytest.mark.pure, pytest.mark.untraced]

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RULES, RULES_TEST = PROMETHEUS / "rules.yml", PROMETHEUS / "rules_test.yml"
DASHBOARD = ROOT / "deploy/grafana/payerwatch.json"
SELECTOR = re.compile(r"(payerwatch_\w+)\{([^}]*)\}")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    unpacked = ROOT / ".venv/promtool/usr/bin/promtool"  # by scripts/get_program.sh
    program = shutil.which("promtool") or (str(unpacked) if unpacked.exists() else None)
    if program is None:
        pytest.skip("promtool was not found: neither installed nor unpacked by scripts/get_program.sh")
    return subprocess.run([program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def expressions() -> dict[str, str]:
    """Every question asked of Prometheus, by the alert or panel that asks."""
    asked = {rule["alert"]: rule["expr"] for rule in rules()}
    for panel in panels():
        asked |= {f"{panel['title']} {target['refId']}": target["expr"] for target in panel["targets"]}
    return asked


def measured() -> dict[str, tuple[str, ...]]:
    """The labels of each series that there can be, by its name."""
    counted = {
        sample: metric._labelnames
        for metric in set(REGISTRY._collector_to_names)
        for sample in REGISTRY._collector_to_names[metric]
    }
    when_asked = set(re.findall(r'"(payerwatch_\w+)"', Path(exposing.__file__).read_text()))
    when_asked |= {f"payerwatch_{name}" for name, *_ in exposing._GAUGES.values()}
    return counted | dict.fromkeys(when_asked, ()) | {"payerwatch_build_info": ("build",)}


def named(expression: str) -> set[str]:
    return set(re.findall(r"\bpayerwatch_\w+", expression))


def test_each_rule_wakes_when_it_should_and_an_hour_of_work_wakes_nobody():
    done = promtool("test", "rules", RULES_TEST.name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_wakes_in_an_hour_of_work_fails_its_test(tmp_path: Path):
    """What the test before would find."""
    loud = RULES.read_text().replace("payerwatch_lock_wait_seconds > 10", "payerwatch_outbox_lag_seconds > 3")
    (tmp_path / RULES.name).write_text(loud)
    shutil.copy(RULES_TEST, tmp_path)
    done = promtool("test", "rules", str(tmp_path / RULES_TEST.name))
    assert done.returncode != 0
    assert "PayerwatchLocksWaitedFor" in done.stdout + done.stderr


def test_what_is_collected_can_be_read_by_prometheus():
    done = promtool("check", "config", "--syntax-only", "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_is_shown_to_wake_and_not_to_wake():
    trials = [
        trial for test in yaml.safe_load(RULES_TEST.read_text())["tests"] for trial in test.get("alert_rule_test", [])
    ]
    alerts = {rule["alert"] for rule in rules()}
    assert {trial["alertname"] for trial in trials if trial.get("exp_alerts")} == alerts
    assert {trial["alertname"] for trial in trials if not trial.get("exp_alerts")} == alerts


def test_each_rule_says_who_is_to_come_and_what_to_do():
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "look"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]


def test_each_rule_is_told_to_those_who_operate():
    told = (ROOT / "docs/operating.md").read_text()
    assert [rule["alert"] for rule in rules() if f"`{rule['alert']}`" not in told] == []


def test_rules_and_dashboard_ask_for_what_is_measured_and_for_all_of_it():
    asked = {name: named(expression) for name, expression in expressions().items()}
    assert {name: unknown for name, found in asked.items() if (unknown := found - measured().keys())} == {}
    seen = {_family(name) for found in asked.values() for name in found}
    assert {_family(name) for name in measured() if not name.endswith("_created")} - seen == set()


def _family(name: str) -> str:
    return re.sub("_(total|bucket|sum|count|info)$", "", name)


def test_rules_and_dashboard_select_by_labels_that_there_are():
    for name, expression in expressions().items():
        for metric, selected in SELECTOR.findall(expression):
            labels = set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)", selected))
            assert labels <= {*measured()[metric], "instance", "job"}, f"{name}: {metric}"


def test_the_dashboard_asks_the_source_that_is_chosen_and_no_panel_lies_on_another():
    document = json.loads(DASHBOARD.read_text())
    assert document["schemaVersion"] >= 41
    assert "datasource" in {variable["name"] for variable in document["templating"]["list"]}
    assert len({panel["id"] for panel in document["panels"]}) == len(document["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + column, place["y"] + line) for column in range(place["w"]) for line in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert {panel["datasource"]["uid"], *(each["datasource"]["uid"] for each in panel["targets"])} == {
            "${datasource}"
        }
