"""One episode's facts, as placement's API shows them, as a timeline in words; and the words for facts and triggers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.intake.hl7.triggers import TRIGGERS
from tools.simulator.show import Shown

Json = Mapping[str, Any]
WORDS = {
    **{trigger: row.words for trigger, row in TRIGGERS.items()},
    "admitted": "admissions", "discharged": "discharges", "transferred": "transfers",
    "visit-started": "visits begun", "visit-ended": "visits ended", "leave-started": "leaves begun",
    "leave-ended": "leaves ended", "diagnosis-recorded": "diagnoses", "coverage-changed": "coverages",
    "stepped-down": "steps down", "stepped-up": "steps up", "readmitted": "readmissions", "closed": "closings",
    "reopened": "reopenings", "conflict-raised": "conflicts", "follow-up-due": "follow-ups due",
    "follow-up-kept": "follow-ups kept", "follow-up-missed": "follow-ups missed",
    "follow-up-excluded": "follow-ups excluded", "search-opened": "searches opened", "search-closed": "searches closed",
    "offer-sent": "offers sent", "offer-accepted": "offers accepted", "offer-declined": "offers declined",
    "offer-countered": "offers countered", "offer-withdrawn": "offers withdrawn", "offer-expired": "offers expired",
    "placed": "placed", "placement-cancelled": "placements cancelled", "start-missed": "first days missed",
    "handover-received": "handovers confirmed",
    "started": "first days", "attended": "sessions attended", "absent": "sessions missed", "completed": "completions",
    "discontinued": "left early", "seat-held": "seats kept", "seat-released": "seats given back",
    "referred": "asked for care", "aftercare-started": "aftercare begun", "aftercare-closed": "aftercare ended",
    "aftercare-referred": "referrals", "referral-accepted": "referrals accepted",
    "referral-declined": "referrals declined", "referral-scheduled": "appointments agreed",
    "referral-completed": "referrals completed", "referral-no-show": "appointments missed",
    "contact-attempted": "contacts", "appointment-scheduled": "appointments",
    "relapse-risk-raised": "risks raised", "relapse-risk-cleared": "risks cleared",
}  # fmt: skip
"""Triggers, and names of facts, in words (in the plural)."""

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
    "referred": lambda v: f"asks for care ({v['source']})",
    "search-opened": lambda v: f"a program is looked for: {v['recommended_level']}",
    "search-closed": lambda v: f"nobody looks any more: {v['reason']}",
    "offer-sent": lambda v: f"{v['program']} is asked",
    "offer-declined": lambda v: f"{v['program']} declines: {v.get('reason', '?')}",
    "offer-countered": lambda v: f"{v['program']} proposes another day",
    "offer-expired": lambda v: f"{v['program']} did not answer in time",
    "offer-accepted": lambda v: f"{v['program']} accepts",
    "placed": lambda v: f"is placed at {v['program']} from {day(v['start_date'])}",
    "start-missed": lambda _: "does not come on the first day",
    "handover-received": lambda _: "the program confirms the handover",
    "started": lambda v: f"starts at {v['program']} ({v['level']})",
    "attended": lambda _: "attends",
    "absent": lambda v: f"is absent: {v.get('reason', 'no-show')}",
    "completed": lambda v: f"completes {v['level']}",
    "discontinued": lambda v: f"leaves {v['level']} early: {v.get('reason', '?')}",
    "aftercare-started": lambda _: "aftercare begins",
    "aftercare-referred": lambda v: f"is referred: {v['kind']}",
    "referral-completed": lambda _: "the referral is completed",
    "referral-declined": lambda v: f"the referral is declined: {v.get('reason', '?')}",
    "contact-attempted": lambda v: f"contact: {v['outcome']} ({v['mode']})",
    "aftercare-closed": lambda v: f"aftercare ends: {v['outcome']}",
    "closed": lambda v: f"the episode is closed: {v['reason']}",
    "reopened": lambda _: "the episode is taken up again",
    "follow-up-due": lambda v: f"{v['measure']}: due {day(v['due_from'])} to {day(v['due_to'])}",
    "follow-up-kept": lambda v: f"{v['measure']}: kept",
    "follow-up-missed": lambda v: f"{v['measure']}: missed",
    "follow-up-excluded": lambda v: f"{v['measure']}: excluded, {v['reason']}",
}
_STYLES = {"intake": "", "placement": "cyan", "aftercare": "green"}


def day(text: str | date) -> str:
    """A day in words: `2026-03-02` → `Mar 2`."""
    at = date.fromisoformat(text) if isinstance(text, str) else text
    return f"{at:%b} {at.day}"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def timeline(shown: Shown) -> RenderableType:
    """The facts by clinical time, what was taken back struck through; then the state now, and the service periods."""
    table = Table.grid(padding=(0, 2))
    for at, dated, fact in _in_order(shown):
        name = fact["type"].split(".")[1]
        if name in _SENTENCES:
            local = at.astimezone(shown.plan.zone)
            when = f"{day(local)} {local:%H:%M}" if dated else ""
            table.add_row(when, fact["writer"], _sentence(fact, _SENTENCES[name]))
    now = shown.one["episode"]
    end = Text(f"now: {now['state']}{', ' + now['level'] if now.get('level') else ''}", style="bold")
    return Group(table, end, *(_period(one) for one in shown.one["periods"]))


def _in_order(shown: Shown) -> list[tuple[datetime, bool, Json]]:
    """(Place in time, whether its date is shown, fact), by clinical time; at one instant what follows from a fact comes
    after it. An act whose date is the real one of today is put behind the facts that were recorded before it, without a
    date: the half-year is played in a minute, and the desk's clock is the real one (decision 0135)."""
    found, latest = [], None
    for fact in sorted(shown.one["facts"], key=lambda each: str(each["value"].get("recorded_at", ""))):
        at = datetime.fromisoformat(fact["value"]["occurred_at"])
        dated = at.astimezone(shown.plan.zone).date() <= shown.plan.ends
        if dated and fact["writer"] != "aftercare":
            latest = at
        found.append((at if dated else latest or at, dated, fact))
    return sorted(found, key=lambda one: (one[0], list(_STYLES).index(one[2]["writer"])))


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
