"""Facts for tests, every field defaulted: `admitted()`, `discharged("2026-03-09 14:00")`, `cancelled(fact)`, …

Times are local to GOODHEALTH (America/New_York): "2026-03-02 10:00", or "2026-03-02" alone, which is read as contract
3.6 rule 7 reads it (a start at 00:00, an end at 24:00). Nothing here decides what is right.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, permutations
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from services.placement.continuum.fold import fold
from services.placement.continuum.model import Folded
from services.placement.continuum.stays_now import StayPlaces
from shared.events.base import type_name
from shared.facts.envelope import Fact
from shared.facts.values import read_fact

ZONE = ZoneInfo("America/New_York")
EPISODE = "episode-1"
PATIENT = "patient-1"
FACILITY = "GOODHEALTH"
ELSEWHERE = "RIVERBEND"
ENDS = frozenset({"visit-ended", "discharged", "completed", "discontinued"})
_numbers = count(1)


def zone_of(facility: str) -> ZoneInfo:
    """Every facility of these tests is in New York."""
    return ZONE


PLACES = StayPlaces(zone_of, lambda facility, unit, program: "withdrawal-management" if unit == "DTX" else None)
"""What the site of these tests says of places."""


def at(text: str | datetime, *, end: bool = False) -> datetime:
    """A local time as an instant; a day alone is 00:00 of it, or 24:00 for an end."""
    if isinstance(text, datetime):
        return text
    found = datetime.fromisoformat(text).replace(tzinfo=ZONE)
    if len(text) == len("2026-03-02") and end:
        found = datetime.combine(found.date() + timedelta(days=1), found.timetz())
    return found


def fact(
    name: str,
    when: str | datetime = "2026-03-02 10:00",
    *,
    writer: str = "intake",
    ce_id: str | None = None,
    sequence: int | None = None,
    episode: str = EPISODE,
    patient_id: str = PATIENT,
    facility: str = FACILITY,
    labels: Iterable[str] = ("PSY",),
    stay: tuple[str, str] | None = None,
    replaces: Fact | str | None = None,
    corroborates: Fact | str | None = None,
    stated_at: str | datetime | None = None,
    **own: Any,
) -> Fact:
    """Any fact; `own` are the fields of its type, and None leaves one out."""
    number = next(_numbers)
    occurred = at(when, end=name in ENDS).isoformat()
    value: dict[str, Any] = {
        "episode_id": episode,
        "patient_id": patient_id,
        "facility": facility,
        "occurred_at": occurred,
        "recorded_at": occurred,
        "labels": list(labels),
        "stay": {"kind": stay[0], "id": stay[1]} if stay else None,
        "stated_at": at(stated_at).isoformat() if stated_at else occurred if writer == "intake" else None,
        "replaces": _id(replaces),
        "corroborates": _id(corroborates),
        **own,
    }
    body = orjson.dumps({field: content for field, content in value.items() if content is not None})
    return Fact(
        id=ce_id or f"{name}-{number}",
        type=type_name(name),
        writer=writer,
        subject=episode,
        sequence=number if sequence is None else sequence,
        time=occurred,
        value=read_fact(type_name(name), body),
        body=body,
    )


def with_value(of: Fact, value: dict[str, Any]) -> Fact:
    """The same fact, saying this."""
    body = orjson.dumps(value)
    return replace(of, value=read_fact(of.type, body), body=body)


def of_episode(episode: str, of: Fact) -> Fact:
    """The same fact of another episode."""
    return replace(with_value(of, of.as_json | {"episode_id": episode}), subject=episode)


def _id(of: Fact | str | None) -> str | None:
    return of.id if isinstance(of, Fact) else of


def a_story(*facts: Fact) -> list[Fact]:
    """These facts as their writers would have stated them: sequences 1,2,3… for each writer."""
    given: dict[str, int] = {}
    told = []
    for one in facts:
        given[one.writer] = given.get(one.writer, 0) + 1
        told.append(replace(one, sequence=given[one.writer]))
    return told


def seen(facts: Iterable[Fact]) -> dict[str, int]:
    """The last sequence of each writer."""
    last: dict[str, int] = {}
    for one in facts:
        last[one.writer] = max(last.get(one.writer, 0), one.sequence)
    return last


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


def placed(
    when: str | datetime = "2026-03-08 15:00",
    *,
    placement: str = "P1",
    level: str = "iop",
    program: str = "iop-evening",
    start: str = "2026-03-10",
    **more: Any,
) -> Fact:
    """A program took the patient; the first day is agreed."""
    own = {"placement_id": placement, "level": level, "program": program, "start_date": start, "writer": "placement"}
    own["recommended_level"] = level
    return fact("placed", when, **(own | more))


def placement_cancelled(when: str | datetime = "2026-03-08 16:00", *, placement: str = "P1", **more: Any) -> Fact:
    """The placement will not be."""
    own: dict[str, Any] = {"placement_id": placement, "reason": "patient-declined", "writer": "placement"}
    return fact("placement-cancelled", when, **(own | more))


def authorization(
    move: str = "approved",
    when: str | datetime = "2026-03-09 10:00",
    *,
    auth: str = "A1",
    units: int | None = 5,
    begins: str = "2026-03-10",
    to: str = "2026-03-31",
    **more: Any,
) -> Fact:
    """The payer's word: requested, pended, approved, denied, extended or ended."""
    own: dict[str, Any] = {"auth_id": auth, "number": f"no-{auth}", "payer": "ACME", "level": "iop", "unit": "day"}
    own |= {"units": units, "from": begins, "to": to, "writer": "placement"}
    return fact(f"authorization-{move}", when, **(own | more))


def certified(
    when: str | datetime = "2026-03-10 15:00", *, begins: str = "2026-03-10", to: str = "2026-03-27", **more: Any
) -> Fact:
    """A physician certified that the level is needed."""
    own = {"kind": "initial", "from": begins, "to": to, "npi": "1000000079", "writer": "placement"}
    return fact("certified", when, **(own | more))


def episode_ended(when: str | datetime = "2026-05-01 12:00", *, reason: str = "patient-declined", **more: Any) -> Fact:
    """The desk ends the episode."""
    return fact("episode-ended", when, **({"writer": "placement", "reason": reason} | more))


def conflict_settled(
    when: str | datetime = "2026-03-20 12:00",
    *,
    conflict: str = "conflict-x",
    falls: Iterable[Fact | str] = (),
    **more: Any,
) -> Fact:
    """A person says which facts fall."""
    own = {"writer": "placement", "conflict_id": conflict, "falls": [_id(one) for one in falls]}
    return fact("conflict-settled", when, **(own | more))


def aftercare_started(when: str | datetime = "2026-04-21 09:00", *, trigger: str = "x", **more: Any) -> Fact:
    """Aftercare begins."""
    return fact("aftercare-started", when, **({"writer": "aftercare", "trigger": trigger} | more))


def aftercare_closed(when: str | datetime = "2026-06-01 09:00", *, outcome: str = "done", **more: Any) -> Fact:
    """Aftercare is done."""
    return fact("aftercare-closed", when, **({"writer": "aftercare", "outcome": outcome} | more))


def follow_up(
    outcome: str = "due",
    when: str | datetime = "2026-03-09 15:00",
    *,
    id_of: str = "F7",
    due: str = "2026-03-16",
    **more: Any,
) -> Fact:
    """A follow-up window: due, kept, missed or excluded."""
    own = {"follow_up_id": id_of, "measure": "FUH-7", "discharge": "x", "due_from": "2026-03-10", "due_to": due}
    ends: dict[str, dict[str, Any]] = {
        "kept": {"kept_at": at(when).isoformat(), "mode": "in-person", "provider_kind": "mental-health"},
        "excluded": {"reason": "readmitted"},
    }
    return fact(f"follow-up-{outcome}", when, **({"writer": "aftercare"} | own | ends.get(outcome, {}) | more))


def patient_died(when: str | datetime = "2026-03-08 10:00", **more: Any) -> Fact:
    """A facility tells that the patient died."""
    return fact("patient-died", when, **({"by": "message", "labels": ()} | more))


def cancelled(target: Fact, *, when: str | datetime | None = None, writer: str | None = None, **more: Any) -> Fact:
    """The fact was never so; by its own writer unless another is named."""
    own = {"cancels": target.id, "cancelled_type": target.type, "reason": "cancelled-by-sender"}
    told = when or datetime.fromisoformat(target.as_json["occurred_at"])
    return fact("fact-cancelled", told, writer=writer or target.writer, **(own | more))


def restated(target: Fact, **changes: Any) -> Fact:
    """The same fact with other content, in the place of the first: `replaces` names it. `when` moves it."""
    number = next(_numbers)
    when = changes.pop("when", None)
    value = {**target.as_json, "replaces": target.id, **changes}
    if when is not None:
        value["occurred_at"] = at(when, end=target.name in ENDS).isoformat()
    return with_value(replace(target, id=f"{target.name}-{number}", sequence=number), value)


def folded(*facts: Fact) -> Folded:
    """The fold of these facts, as their writers would have stated them."""
    return fold(a_story(*facts), zone_of)


def every_order(*facts: Fact) -> Folded:
    """The fold of these facts, the same in every order of arrival."""
    story = a_story(*facts)
    found = fold(story, zone_of)
    for order in permutations(story):
        assert fold(order, zone_of) == found
    return found


def levels(of: Folded) -> list[str | None]:
    """The levels of an episode, one after the other."""
    return [change.level for change in of.levels]


def in_utc(text: str) -> datetime:
    """A local time of the tests, in UTC, as the fold gives it."""
    return at(text).astimezone(UTC)
