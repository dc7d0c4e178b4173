"""The PromQL expressions of the alarms and of the dashboard, and which metrics and labels each asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql
import yaml

from shared import metrics
from tools.documents.metrics_page import every, labels, series

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
DASHBOARD = DEPLOY / "grafana/stepdown.json"
OF_GRAFANA = (("$__rate_interval", "5m"), ('"$service"', '".*"'))
"""What Grafana puts in for its variables, and what a parser may read instead."""
OF_PROMETHEUS = {"job", "instance"}
"""Labels that Prometheus gives every series that it scrapes."""
NOT_OURS = {"up", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Prometheus' own metric, and those that its client has of each process."""


class Asked(NamedTuple):
    """A metric that an expression asks for, and the labels by which it chooses or groups."""

    metric: str
    labels: frozenset[str]


class Shown(NamedTuple):
    """An expression: where it stands, its text, and the labels that its sentence or legend names."""

    place: str
    expression: str
    named: frozenset[str]


def rules() -> list[dict[str, Any]]:
    """The alarms, as in the file."""
    return [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels, rows among them."""
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


def shown() -> list[Shown]:
    """Every expression of both."""
    told = [
        Shown(rule["alert"], rule["expr"], _named(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        for rule in rules()
    ]
    for panel in panels():
        for target in panel.get("targets", ()):
            named = _named(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"])
            told.append(Shown(panel["title"], _without_variables(target["expr"]), named))
    return told


def _named(form: str, text: str) -> frozenset[str]:
    return frozenset(re.findall(form, text))


def _without_variables(text: str) -> str:
    for variable, value in OF_GRAFANA:
        text = text.replace(variable, value)
    return text


def asked(expression: str) -> list[Asked]:
    """What an expression asks for. Raises ValueError where it is not PromQL."""
    return list(_asked(promql.parse(expression), frozenset()))


def _asked(part: Any, by: frozenset[str]) -> Iterator[Asked]:
    """`by`: the labels by which what is around groups."""
    if isinstance(part, promql.VectorSelector):
        assert part.name is not None, "a metric has a name"
        yield Asked(part.name, by | {one.name for one in part.matchers.matchers})
    elif isinstance(part, promql.AggregateExpr):
        own = frozenset(part.modifier.labels) if part.modifier else frozenset[str]()
        yield from _asked(part.expr, by | own)
    elif isinstance(part, promql.BinaryExpr):
        for side in (part.lhs, part.rhs):
            yield from _asked(side, by)
    elif isinstance(part, promql.Call):
        for argument in part.args:
            yield from _asked(argument, by)
    elif isinstance(part, promql.MatrixSelector):
        yield from _asked(part.vector_selector, by)
    elif isinstance(part, promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
        yield from _asked(part.expr, by)


def groups_by(expression: str) -> frozenset[str] | None:
    """The labels that the outcome of an expression has; None: all that its metric has."""
    part: Any = promql.parse(expression)
    while isinstance(part, promql.BinaryExpr):
        part = part.lhs
    while isinstance(part, promql.Call):
        part = part.args[-1]
    if isinstance(part, promql.AggregateExpr):
        return groups_by(part.expr.prettify()) if part.modifier is None and part.param else _own(part)
    return None


def _own(part: Any) -> frozenset[str]:
    return frozenset(part.modifier.labels) if part.modifier else frozenset()


def declared() -> dict[str, frozenset[str]]:
    """The name of each series that the project's metrics have, with its labels."""
    found: dict[str, frozenset[str]] = {}
    for metric in every():
        ends = (
            {"_bucket": {"le"}, "_sum": set(), "_count": set()} if type(metric).__name__ == "Histogram" else {"": set()}
        )
        for end, more in ends.items():
            found[series(metric) + end] = frozenset({*labels(metric), *more})
    assert len(vars(metrics)) > len(every()) > 30
    return found
