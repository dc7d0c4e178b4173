"""docs/performance.md: the part between its marks, and the chart, made of bench/results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.chart import chart
from bench.report import RESULTS, Goal, Report, Row, read, shown
from bench.sizes import SIZES

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, CHART = DOCS / "performance.md", DOCS / "performance.svg"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MET = {True: "met", False: "**not met**", None: "not judged"}


def results(folder: Path = RESULTS) -> list[Report]:
    """What was measured, in the order of SIZES."""
    return [read(folder / f"{name}.json") for name in SIZES if (folder / f"{name}.json").exists()]


def write() -> None:
    """Put what was measured into the documents."""
    found = results()
    PAGE.write_text(with_measured(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    CHART.write_text(drawn(found), encoding="utf-8")


def with_measured(text: str, found: Sequence[Report]) -> str:
    """The page with its part between the marks made anew."""
    before, _, rest = text.partition(BEGIN)
    lines = [line for one in found for line in _section(one)]
    if left := [name for name in SIZES if name not in {one.bench for one in found}]:
        lines.append(f"\nNot measured on a quiet machine yet: {', '.join(left)}.\n")
    return "\n".join([f"{before}{BEGIN}", *lines, END + rest.partition(END)[2]])


def drawn(found: Sequence[Report]) -> str:
    """The chart: every ratio of a rate to a peer's."""
    ratios = {f"{one.bench}: {row.name}": row.beside for one in found for row in one.rows if row.unit.endswith("/s")}
    about = "ours divided by theirs, measured in the same run: 2 × is twice as fast, 0.5 × half as fast"
    return chart("Stepdown beside its peers", about, {name: peers for name, peers in ratios.items() if peers})


def _section(one: Report) -> Iterator[str]:
    yield f"\n### {one.bench}\n"
    machine = ", ".join(map(str, one.machine.values()))
    yield f"{one.at[:10]}, {machine}; {one.broker}; {one.database}; {one.runs} runs.\n"
    yield "| | median | spread | beside |\n|---|---|---|---|"
    yield from map(_row, one.rows)
    yield ""
    yield from (f"- {note}" for row in one.rows for note in row.notes)
    yield from map(_goal, one.goals)
    yield f"- What limits it: {one.limits}"
    if any(goal.met is False for goal in one.goals):
        yield f"- What was tried: {one.tried}"


def _row(row: Row) -> str:
    beside = ", ".join(f"{ratio:g} × {peer}" for peer, ratio in row.beside.items()) or "–"
    name = f"{row.name} ({row.size})" if row.size else row.name
    return f"| {name} | {shown(row.value)} {row.unit} | {shown(row.low)}–{shown(row.high)} | {beside} |"


def _goal(goal: Goal) -> str:
    return f"- Goal: {goal.goal}: {MET[goal.met]}{f' ({goal.why})' if goal.why else ''}."


if __name__ == "__main__":
    write()
