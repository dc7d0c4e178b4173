"""docs/metrics.md: every metric that a service has, from `shared.metrics`. Writes no file."""

from __future__ import annotations

from prometheus_client import Info
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics

HEAD = """# Metrics

Made by `stepdown export` from `shared/metrics.py`; do not edit. Each service answers at `/metrics` in Prometheus' text
format; nothing there is about one patient. What ends in `_seconds` is in seconds; a histogram is scraped as `…_bucket`,
`…_sum` and `…_count`. What to look at, and what to be woken for: [run-it.md](run-it.md#metrics-and-alarms).

| metric | kind | labels | what it is |
|---|---|---|---|
"""


def metrics_page() -> str:
    """The page as Markdown text."""
    return HEAD + "".join(_row(one) for one in every())


def every() -> list[MetricWrapperBase]:
    """Every metric of the project."""
    return [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]


def series(metric: MetricWrapperBase) -> str:
    """The name that a metric has when it is scraped; of a histogram what its series begin with."""
    [family] = metric.describe()
    ends = {"counter": "_total", "info": "_info"}
    return family.name + ends.get(family.type, "")


def labels(metric: MetricWrapperBase) -> tuple[str, ...]:
    """The names of its labels."""
    own: tuple[str, ...] = metric._labelnames  # noqa: SLF001 - the library tells them nowhere else
    return (*own, "version") if isinstance(metric, Info) else own


def _row(metric: MetricWrapperBase) -> str:
    [family] = metric.describe()
    named = ", ".join(f"`{name}`" for name in labels(metric))
    return f"| `{series(metric)}` | {family.type} | {named} | {family.documentation} |\n"
