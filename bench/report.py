"""What a benchmark found: figures with their spread and the ratio to peers, goals met or not; as JSON and as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Row:
    """One figure: the median of the runs and their spread; `beside`: peer → ours divided by theirs, run by run."""

    name: str
    value: float
    unit: str
    low: float
    high: float
    beside: dict[str, float] = field(default_factory=dict)
    size: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Goal:
    """`met` None: it could not be judged here, and `why` says so."""

    goal: str
    met: bool | None
    why: str = ""


@dataclass(slots=True)
class Report:
    """One benchmark on one machine at one time."""

    bench: str
    at: str
    machine: dict[str, Any]
    versions: dict[str, str]
    broker: str
    database: str
    runs: int
    rows: list[Row] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    limits: str = ""
    """What limits its rows, in a sentence."""
    tried: str = ""
    """What was done for its goals so far."""

    def as_json(self) -> dict[str, Any]:
        """The document of contract 1."""
        return asdict(self)

    def save(self, folder: Path) -> Path:
        """Into `folder`/<bench>.json."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.bench}.json"
        path.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def row(name: str, unit: str, found: Sequence[float], **more: Any) -> Row:
    """A row of these runs' figures."""
    return Row(name, rounded(median(found)), unit, rounded(min(found)), rounded(max(found)), **more)


def ratios(ours: Sequence[float], peers: dict[str, Sequence[float]]) -> dict[str, float]:
    """Peer → the median of ours divided by theirs, each in the same run; peers without figures are left out."""
    return {
        name: rounded(median(o / t for o, t in zip(ours, theirs, strict=True)))
        for name, theirs in peers.items()
        if len(theirs) == len(ours) and all(theirs)
    }


def at_least(goal: str, ratio: float | None, wanted: float, why: str = "no peer was measured") -> Goal:
    """A goal that wants a figure to be so large or larger; None where nothing was measured."""
    return Goal(goal, None if ratio is None else ratio >= wanted, why if ratio is None else "")


def at_most(goal: str, figure: float, wanted: float) -> Goal:
    """A goal that wants a figure to be so small or smaller."""
    return Goal(goal, figure <= wanted)


def rounded(figure: float) -> float:
    """Three significant digits, whole numbers from 100 on."""
    return float(round(figure)) if abs(figure) >= 100 else float(f"{figure:.3g}")


def shown(figure: float) -> str:
    """For people: 12,345, 99.9, 0.512."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:g}"


def read(path: Path) -> Report:
    """What `save` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    rows, goals = [Row(**one) for one in found.pop("rows")], [Goal(**one) for one in found.pop("goals")]
    return Report(**found, rows=rows, goals=goals)


def lines(report: Report) -> list[str]:
    """For people, on a terminal."""
    machine = ", ".join(f"{value}" for value in report.machine.values())
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    found = [f"{report.bench}: {machine}; {versions}", f"  on {report.broker}, {report.database}; {report.runs} runs"]
    for one in report.rows:
        beside = "".join(f"; {ratio:g} × {peer}" for peer, ratio in one.beside.items())
        size = f" [{one.size}]" if one.size else ""
        found.append(f"  {one.name}: {shown(one.value)} {one.unit} ({shown(one.low)}–{shown(one.high)}){beside}{size}")
        found += [f"    {note}" for note in one.notes]
    words = {True: "met", False: "not met", None: "not judged"}
    found += [f"  goal {one.goal}: {words[one.met]}{f' ({one.why})' if one.why else ''}" for one in report.goals]
    return found
