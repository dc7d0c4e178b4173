"""The alarms and the dashboard ask only for what a service has, in sentences with a place to read on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from typing import Any

import pytest
import yaml

from tests.deploy.expressions import (
    ALERTS,
    DEPLOY,
    NOT_OURS,
    OF_PROMETHEUS,
    Shown,
    asked,
    declared,
    groups_by,
    panels,
    rules,
    shown,
)
from tests.house.test_docs import ROOT, anchors

EVERY = shown()
ROWS = ["Doors", "Continuum: searches and seats", "Delivery", "Latency", "Processes"]


def wrong_with(one: Shown) -> list[str]:
    """What an expression asks for that no service has."""
    known, found = declared(), []
    for metric, labels in asked(one.expression):
        if metric not in known and metric not in NOT_OURS:
            found.append(metric)
        elif unknown := labels - known.get(metric, frozenset()) - OF_PROMETHEUS:
            found.append(f"{metric} by {', '.join(sorted(unknown))}")
    return found


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.place)
def test_every_expression_asks_for_metrics_and_labels_that_there_are(one: Shown) -> None:
    assert wrong_with(one) == []


@pytest.mark.parametrize("one", EVERY, ids=lambda one: one.place)
def test_a_sentence_names_only_labels_that_are_left(one: Shown) -> None:
    left = groups_by(one.expression)
    if left is None:
        left = frozenset().union(*(declared().get(metric, frozenset()) for metric, _ in asked(one.expression)[:1]))
        left |= OF_PROMETHEUS
    assert one.named - left == set()


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("sum(stepdown_nothing)", ["stepdown_nothing"]),
        ("rate(stepdown_records_total{door='mllp'}[5m]) > 1", ["stepdown_records_total by door"]),
        ("sum by (patient) (stepdown_ready)", ["stepdown_ready by patient"]),
        ("max by (job, service) (stepdown_ready) == 0 and up == 0", []),
    ],
)
def test_what_is_not_there_is_found(expression: str, wrong: list[str]) -> None:
    assert wrong_with(Shown("", expression, frozenset())) == wrong


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_is_a_plain_sentence_with_a_place_where_it_is_said_what_to_do(rule: dict[str, Any]) -> None:
    told = rule["annotations"]
    assert re.fullmatch(r"[A-Z{].*\.", told["summary"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    page, _, anchor = told["runbook"].partition("#")
    assert anchor in anchors(ROOT / page)


def test_no_alarm_has_the_name_of_another() -> None:
    assert [name for name, number in Counter(rule["alert"] for rule in rules()).items() if number > 1] == []


def test_every_alarm_is_shown_to_ring() -> None:
    tests = yaml.safe_load((DEPLOY / "prometheus/alerts.test.yml").read_text(encoding="utf-8"))["tests"]
    rung = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert rung == {rule["alert"] for rule in rules()}


def test_the_dashboard_has_its_rows_and_every_panel_its_sentence_and_its_place() -> None:
    assert [one["title"] for one in panels() if one["type"] == "row"] == ROWS
    drawn = [one for one in panels() if one["type"] != "row"]
    assert [one["title"] for one in drawn if not one["description"].endswith(".")] == []
    taken = Counter(
        (x, y)
        for one in panels()
        for x in range(one["gridPos"]["x"], one["gridPos"]["x"] + one["gridPos"]["w"])
        for y in range(one["gridPos"]["y"], one["gridPos"]["y"] + one["gridPos"]["h"])
    )
    assert max(taken.values()) == 1, "no panel lies on another"
    assert max(x for x, _ in taken) == 23
    assert len({one["id"] for one in panels()}) == len(panels())


def test_the_example_of_what_to_scrape_names_the_jobs_that_alarms_go_by() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    jobs = [job["job_name"] for job in config["scrape_configs"]]
    assert jobs == ["stepdown-intake", "stepdown-placement", "stepdown-aftercare"]
    assert all(job["honor_labels"] for job in config["scrape_configs"])
    assert config["rule_files"] == [ALERTS.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "check",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(check: tuple[str, ...]) -> None:
    """Prometheus' own tool, where it is installed; the last of these rings each alarm on made-up series."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run([tool, *check], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
