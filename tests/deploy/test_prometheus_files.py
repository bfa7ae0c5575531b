"""What ships for Prometheus and Grafana: well-formed, tried, and asking only for what the site tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jobs.api import exposition
from jobs.services import figures, leading, tallies
from tests import builders
from tests.services_fixtures import need

ROOT = Path(__file__).resolve().parent.parent.parent
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "ocrsite.json"
NAME = re.compile(r"\b[a-z_]*:?ocrsite_[a-z0-9_:]+")


def promtool(*arguments: str, folder: Path = PROMETHEUS) -> str:
    need("promtool")
    program = shutil.which("promtool") or ""
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_do_what_they_say():
    assert "SUCCESS" in promtool("test", "rules", "rules.test.yml")


def test_the_example_configuration_is_one(tmp_path):
    for file in PROMETHEUS.glob("*.yml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "metrics_token").write_text("a token")
    checked = promtool("check", "config", "prometheus.yml", folder=tmp_path)
    assert checked.count("rules found") == len(list(PROMETHEUS.glob("*.rules.yml"))), "each file of rules is loaded"


@pytest.fixture
def told(db: None) -> set[str]:
    """Every name that a site with something to tell exposes, histograms' parts included."""
    builders.make_backend("calypso")
    tallies.add(backend="calypso", outcome="ok", seconds=2.0, dispatch_seconds=0.1)
    leading.lead("a clock", seconds=30)
    text = exposition.text(figures.read()).decode()
    families = list(text_string_to_metric_families(text))
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    return names | {sample.name for family in families for sample in family.samples}


def recorded() -> set[str]:
    found = re.findall(r"- record: (\S+)", "".join(path.read_text() for path in PROMETHEUS.glob("*.rules.yml")))
    return set(found)


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def asked() -> Iterator[tuple[str, str]]:
    for path in sorted(PROMETHEUS.glob("*.yml")):
        for name in NAME.findall(path.read_text()):
            yield path.name, name
    for name in NAME.findall(DASHBOARD.read_text()):
        yield DASHBOARD.name, name


def test_rules_and_dashboard_ask_only_for_what_there_is(told):
    known = told | recorded()
    assert {(file, name) for file, name in asked() if name not in known} == set()
    assert {file for file, _ in asked()} >= {"alerts.rules.yml", "recording.rules.yml", "ocrsite.json"}


def test_the_names_of_older_dashboards_are_made():
    assert recorded() >= {
        "nvidia_smi_memory_used_bytes",
        "nvidia_smi_utilization_gpu",
        "vllm_queue_size",
        "vllm_request_success_total",
        "vllm_request_failed_total",
        "vllm_request_duration_seconds_bucket",
    }


def test_the_operations_guide_names_every_metric(told):
    guide = (ROOT / "docs" / "operations.md").read_text()
    section = guide[guide.index("## Watching with Prometheus") : guide.index("## When something is wrong")]
    histograms = {name.removesuffix("_bucket") for name in told if name.endswith("_bucket")}
    parts = {f"{name}{end}" for name in histograms for end in ("_bucket", "_sum", "_count")}
    assert told - parts - set(re.findall(r"ocrsite_\w+", section)) == set()


@pytest.mark.parametrize(
    ("title", "threshold"),
    [
        ("GPU memory used", 22 * 1024**3),
        ("Out-of-memory incidents", 1),
        ("Queue depth", 5),
        ("GPU utilisation while work waits", 0.8),
        ("Request throughput", None),
        ("Request latency, 99th percentile", 60),
    ],
)
def test_the_dashboard_answers_what_is_to_be_watched(title, threshold):
    (panel,) = [panel for panel in panels() if panel["title"] == title]
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    assert [step["value"] for step in steps if step["value"] is not None] == ([threshold] if threshold else [])
    assert panel["targets"][0]["expr"]


def test_every_question_of_the_dashboard_is_one_that_prometheus_understands(tmp_path):
    lines = ["groups:", "- name: dashboard", "  rules:"]
    for panel in panels():
        for target in panel["targets"]:
            lines += [f"  - record: panel{panel['id']}:{target['refId']}", f"    expr: {json.dumps(target['expr'])}"]
    (tmp_path / "panels.yml").write_text("\n".join(lines))
    assert "SUCCESS" in promtool("check", "rules", "panels.yml", folder=tmp_path)


def test_no_two_panels_lie_upon_each_other():
    taken = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
