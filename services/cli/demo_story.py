"""One patient's facts as a timeline in the field's words; and those words. Reads what placement's API shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.simulator.show import Shown

Json = Mapping[str, Any]
WORDS = {
    "A01": "admission", "A02": "transfer", "A03": "discharge", "A04": "registration", "A08": "update",
    "A11": "admission cancelled", "A12": "transfer cancelled", "A13": "discharge cancelled", "A21": "leave begins",
    "A22": "back from leave", "admitted": "admissions", "discharged": "discharges", "transferred": "transfers",
    "visit-started": "visits begun", "visit-ended": "visits ended", "leave-started": "leaves begun",
    "leave-ended": "leaves ended", "diagnosis-recorded": "diagnoses", "coverage-changed": "coverages",
    "stepped-down": "steps down", "stepped-up": "steps up", "readmitted": "readmissions", "closed": "closings",
    "reopened": "reopenings", "conflict-raised": "conflicts", "follow-up-due": "follow-ups due",
    "follow-up-kept": "follow-ups kept", "follow-up-missed": "follow-ups missed",
    "follow-up-excluded": "follow-ups excluded",
}  # fmt: skip
"""Triggers, and the names of facts in the plural."""

_SENTENCES: dict[str, Callable[[Json], str]] = {
    "visit-started": lambda v: f"comes to the {v.get('unit', '?')} ({v['class']})",
    "visit-ended": lambda _: "leaves; the visit had no level of care",
    "admitted": lambda v: f"is admitted: {v['level']}, unit {v['unit']}",
    "transferred": lambda v: f"moves to {v['to'].get('level') or 'no level'}, unit {v['to'].get('unit')}",
    "leave-started": lambda v: f"goes on {v['kind']} leave",
    "leave-ended": lambda _: "is back",
    "discharged": lambda v: f"is discharged from {v['level']}: {v['disposition']['kind']}",
    "stepped-down": lambda v: f"↓ steps down {v['from_level']} → {v['to_level']}, {_days(v['days_between'])} between",
    "stepped-up": lambda v: f"↑ steps up {v['from_level']} → {v['to_level']}",
    "readmitted": lambda v: f"is readmitted after {_days(v['days'])}",
    "follow-up-due": lambda v: f"{v['measure']}: due {day(v['due_from'])} to {day(v['due_to'])}",
    "follow-up-kept": lambda v: f"{v['measure']}: kept",
    "follow-up-missed": lambda v: f"{v['measure']}: missed",
    "follow-up-excluded": lambda v: f"{v['measure']}: excluded, {v['reason']}",
}
_STYLES = {"intake": "", "placement": "cyan", "aftercare": "green"}


def day(text: str | date) -> str:
    """`2026-03-02` → `Mar 2`."""
    at = date.fromisoformat(text) if isinstance(text, str) else text
    return f"{at:%b} {at.day}"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def timeline(shown: Shown) -> RenderableType:
    """What happened and what followed from it, by clinical time; what was taken back is struck through and says so."""
    table = Table.grid(padding=(0, 2))
    for fact in sorted(shown.one["facts"], key=_order):
        name = fact["type"].split(".")[1]
        if name in _SENTENCES:
            at = datetime.fromisoformat(fact["value"]["occurred_at"]).astimezone(shown.plan.zone)
            table.add_row(f"{day(at)} {at:%H:%M}", fact["writer"], _sentence(fact, _SENTENCES[name]))
    now = shown.one["episode"]
    end = Text(f"now: {now['state']}{', ' + now['level'] if now.get('level') else ''}", style="bold")
    return Group(table, end, *(_period(one) for one in shown.one["periods"]))


def _order(fact: Json) -> tuple[datetime, int]:
    """By clinical time; of one instant, who follows from whom."""
    return datetime.fromisoformat(fact["value"]["occurred_at"]), list(_STYLES).index(fact["writer"])


def _sentence(fact: Json, words: Callable[[Json], str]) -> Text:
    text = Text(words(fact["value"]), style=_STYLES.get(fact["writer"], ""))
    if voided := fact.get("voided"):
        text.stylize("strike dim")
        text.append("  taken back" if voided["how"] == "cancelled" else "  stated anew", style="not strike yellow")
    elif why := fact.get("ineffective"):
        text.append(f"  without effect: {why['means']}", style="yellow")
    return text


def _period(one: Json) -> Text:
    until = day(one["end_date"]) if one.get("end_date") else "…"
    state = "void" if one["voided"] else "closed" if one.get("end_date") else "open"
    said = (
        f"bill: {one['level']} {day(one['start_date'])} to {until}, {one['payer']}, version {one['version']}, {state}"
    )
    return Text(said, style="dim" if one["voided"] else "")
