"""What hospitals and programs say of a stay: from the referral to its end, its days, its diagnoses, who pays."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from shared.facts.envelope import Fact
from tests.builders.making import fact


def referred(when: str | datetime = "2026-03-01 09:00", *, source: str = "primary-care", **more: Any) -> Fact:
    """Somebody asked for care."""
    return fact("referred", when, source=source, **more)


def visit_started(when: str | datetime = "2026-03-02 08:00", *, visit: str = "V1", **more: Any) -> Fact:
    """A visit to the emergency unit begins."""
    own = {"class": "emergency", "unit": "ED", "visit_number": visit, "patient": {"mrn": "M1"}}
    return fact("visit-started", when, stay=("visit", visit), **(own | more))


def visit_ended(when: str | datetime = "2026-03-02 12:00", *, visit: str = "V1", **more: Any) -> Fact:
    """A visit without a level ends."""
    return fact("visit-ended", when, stay=("visit", visit), **more)


UNITS = {"inpatient": "3W", "residential": "RES", "php": "PHP1", "iop": "IOP1", "outpatient": "OPC"}


def admitted(
    when: str | datetime = "2026-03-02 10:00", *, visit: str = "V1", level: str = "inpatient", **more: Any
) -> Fact:
    """A hospital stay at a level begins (A01)."""
    own: dict[str, Any] = {
        "level": level,
        "unit": UNITS.get(level, level.upper()),
        "visit_number": visit,
        "admission": {"type": "U", "source": "7"},
        "patient": {"mrn": "M1", "assigning_authority": "GOODHEALTH"},
        "attending_npi": "1234567893",
    }
    return fact("admitted", when, stay=("visit", visit), **(own | more))


def started(
    when: str | datetime = "2026-03-10",
    *,
    placement: str = "P1",
    level: str = "iop",
    program: str = "iop-evening",
    **more: Any,
) -> Fact:
    """First day at a program."""
    own: dict[str, Any] = {"level": level, "program": program, "placement_id": placement, "writer": "placement"}
    return fact("started", when, **({"stay": ("placement", placement)} | own | more))


def _whose(visit: str | None, placement: str | None) -> dict[str, Any]:
    if placement is not None:
        return {"stay": ("placement", placement), "writer": "placement"}
    return {"stay": ("visit", visit or "V1"), "writer": "intake"}


def transferred(
    when: str | datetime = "2026-03-04 11:00",
    *,
    to: str | None = "residential",
    visit: str | None = None,
    placement: str | None = None,
    unit: str | None = None,
    program: str | None = None,
    **more: Any,
) -> Fact:
    """The stay moves to another unit; `to` None is a unit without level (A07)."""
    place = {"unit": unit or UNITS.get(to or "", "ED"), "level": to, "program": program}
    own = {"from": {}, "to": {name: content for name, content in place.items() if content is not None}}
    return fact("transferred", when, **(_whose(visit, placement) | own | more))


def leave_started(
    when: str | datetime = "2026-03-04 09:00", *, visit: str | None = None, placement: str | None = None, **more: Any
) -> Fact:
    """The patient goes on leave (A21)."""
    return fact("leave-started", when, **(_whose(visit, placement) | {"kind": "therapeutic"} | more))


def leave_ended(
    when: str | datetime = "2026-03-05 18:00", *, visit: str | None = None, placement: str | None = None, **more: Any
) -> Fact:
    """The patient comes back (A22)."""
    return fact("leave-ended", when, **(_whose(visit, placement) | {"kind": "therapeutic"} | more))


def discharged(
    when: str | datetime = "2026-03-09 14:00",
    *,
    visit: str = "V1",
    level: str | None = None,
    kind: str = "home",
    code: str | None = "01",
    **more: Any,
) -> Fact:
    """The hospital ends a stay (A03)."""
    own = {"level": level or "inpatient", "disposition": {"code": code, "kind": kind}}
    return fact("discharged", when, stay=("visit", visit), **(own | more))


def completed(
    when: str | datetime = "2026-04-20",
    *,
    placement: str = "P1",
    level: str = "iop",
    reason: str = "goals-met",
    **more: Any,
) -> Fact:
    """The patient completes the program."""
    own: dict[str, Any] = {"stay": ("placement", placement), "writer": "placement", "level": level, "reason": reason}
    return fact("completed", when, **(own | more))


def discontinued(
    when: str | datetime = "2026-04-10",
    *,
    placement: str = "P1",
    level: str = "iop",
    reason: str = "lost-contact",
    **more: Any,
) -> Fact:
    """The program stay ends before its goal."""
    own: dict[str, Any] = {"stay": ("placement", placement), "writer": "placement", "level": level, "reason": reason}
    return fact("discontinued", when, **(own | more))


def _session(
    name: str, day: str, session: str | None, placement: str | None, visit: str | None, own: dict[str, Any]
) -> Fact:
    stay = ("visit", visit) if visit else ("placement", placement or "P1")
    own = {"writer": "placement", "session_id": session or f"session-{day}", "date": day, "stay": stay} | own
    return fact(name, own.pop("when", f"{day} 13:00"), **own)


def attended(
    day: str = "2026-03-10",
    *,
    session: str | None = None,
    placement: str | None = None,
    visit: str | None = None,
    **more: Any,
) -> Fact:
    """The patient was there on a day; told the same day at 13:00 unless `when` says otherwise."""
    date.fromisoformat(day)
    services = [{"kind": "group", "units": 1, "minutes": 60, "mode": "in-person"}]
    return _session("attended", day, session, placement, visit, {"services": services} | more)


def absent(
    day: str = "2026-03-10",
    *,
    session: str | None = None,
    placement: str | None = None,
    visit: str | None = None,
    **more: Any,
) -> Fact:
    """The patient was not there on a day."""
    return _session("absent", day, session, placement, visit, {"reason": "no-show"} | more)


def diagnosed(
    when: str | datetime = "2026-03-02 10:30",
    *,
    visit: str | None = None,
    placement: str | None = None,
    code: str = "F32.2",
    rank: int = 1,
    **more: Any,
) -> Fact:
    """A diagnosis of the stay."""
    own = {"system": "I10", "code": code, "rank": rank, "status": "W"}
    return fact("diagnosis-recorded", when, **(_whose(visit, placement) | own | more))


def covered(
    when: str | datetime = "2026-03-02 10:00", *, payer: str = "ACME", effective: str = "2026-03-02", **more: Any
) -> Fact:
    """From a day on, this payer."""
    own = {"effective_from": effective, "coverage": [{"order": 1, "payer": payer, "plan": "GOLD"}]}
    return fact("coverage-changed", when, **(own | more))


def assessed(when: str | datetime = "2026-03-01 11:00", *, writer: str = "placement", **more: Any) -> Fact:
    """An instrument's result."""
    return fact("assessed", when, writer=writer, **({"instrument": "LOCUS", "version": "20", "phase": "intake"} | more))
