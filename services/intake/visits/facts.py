"""From the walked stays to the facts wanted: keys that stay the same, types, times, values; no ids, no episode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.intake.hl7.model import Adt, Moment, PatientId, SiteMap, VisitMessage
from services.intake.hl7.timestamps import read_moment
from services.intake.visits import codes
from services.intake.visits.stays import At, Stay, Step
from services.intake.visits.updates import Update, amended, coverage, diagnoses, plan, tellers
from shared.events import CARE_FACTS, CareFact, type_name

FactKey = tuple[str, ...]
"""(type, stay id, …): the same statement of the same visit has the same key, whatever else is told."""


@dataclass(frozen=True, slots=True)
class DesiredFact:
    """One fact that ought to stand: `value` has the type's own fields by their names on the wire, as plain JSON.

    `said_by` is the message that said it. Two are the same fact if everything but `stated_at` and `said_by` is equal.
    """

    key: FactKey
    type: str
    occurred_at: datetime
    value: dict[str, Any]
    stay_id: str
    stated_at: datetime | None = field(default=None, compare=False)
    said_by: str = field(default="", compare=False)

    def as_fact(
        self,
        *,
        episode_id: str,
        patient_id: str,
        facility: str,
        recorded_at: datetime,
        labels: tuple[str, ...] = (),
        replaces: str | None = None,
    ) -> CareFact:
        """The published value. Raises pydantic's ValidationError where a field does not fit (which is our error)."""
        return CARE_FACTS[type_name(self.type)].model_validate(
            {
                **self.value,
                "episode_id": episode_id,
                "patient_id": patient_id,
                "facility": facility,
                "recorded_at": recorded_at,
                "occurred_at": self.occurred_at,
                "stated_at": self.stated_at,
                "stay": {"kind": "visit", "id": self.stay_id},
                "labels": labels,
                "replaces": replaces,
            }
        )


def stay_facts(stay: Stay, stay_id: str, updates: list[Update], site: SiteMap) -> Iterator[DesiredFact]:
    """A fact for each step of a stay, in clinical order, as amended by what A08 and A31 said later."""
    seen: dict[str, int] = {}
    for step in stay.steps:
        mark = _mark(step)
        seen[mark] = seen.get(mark, 0) + 1
        again = (str(seen[mark]),) if seen[mark] > 1 else ()
        when = (mark.removeprefix(step.fact),) if mark != step.fact else ()
        adt, said = amended(step.statement, updates)
        at = _at(step, adt, stay)
        key = (step.fact, stay_id, *when, *again)
        value = _value(step, adt, stay_id.removesuffix(f"#{stay.number}"), site)
        yield DesiredFact(key, step.fact, at, value, stay_id, said.adt.stated_at, said.message_id)


def _at(step: Step, adt: Adt, stay: Stay) -> datetime:
    """An end has the time told last, where that does not lie before what the stay did until then."""
    told = adt.discharged
    if stay.steps[-1] is not step or adt is step.statement.said.adt or not isinstance(told, Moment):
        return step.at
    before = stay.steps[-2].at if len(stay.steps) > 1 else told.end
    return told.end if step.fact in {"discharged", "visit-ended"} and told.end >= before else step.at


def _mark(step: Step) -> str:
    """What may happen several times in a stay is told apart by its time."""
    if step.fact in {"transferred", "leave-started", "leave-ended"}:
        return step.fact + step.at.astimezone(UTC).isoformat()
    return step.fact


def _value(step: Step, adt: Adt, visit: str, site: SiteMap) -> dict[str, Any]:
    match step.fact:
        case "visit-started":
            return {"class": step.after.visit_class, **_unit(step.after), **_who(adt)}
        case "admitted":
            return _admitted(step.after, adt, visit, site)
        case "transferred":
            return {"from": _place(step.before), "to": _place(step.after)}
        case "leave-started" | "leave-ended":
            back = adt.expected_return.start.isoformat() if isinstance(adt.expected_return, Moment) else None
            return _some({"kind": leave_kind(adt.event_reason), "expected_return": back})
        case _:
            return _some({"level": step.after.level, "disposition": codes.disposition(adt, site)})


def _admitted(place: At, adt: Adt, visit: str, site: SiteMap) -> dict[str, Any]:
    found = {
        "level": place.level,
        "program": place.program,
        "setting": place.setting,
        "admission": codes.admission(adt, site),
        "age_years": adt.age_years,
        "attending_npi": _text(adt.attending_npi),
        **_unit(place),
        "visit_number": visit,
        **_who(adt),
    }
    return _some(found)


def leave_kind(reason: str | None) -> str:
    """EVN-4 as kind of leave: our own words, and of HL7 table 0062 the physician's order; all else is `other`."""
    known = {"02": "therapeutic", "therapeutic": "therapeutic", "medical": "medical", "elopement": "elopement"}
    return known.get((reason or "").lower(), "other")


def mrn(ids: tuple[PatientId, ...]) -> PatientId | None:
    """The medical record number among PID-3: type MR, else the first that is no social security or account number."""
    plain = [one for one in ids if one.type not in {"SS", "SSN", "AN", "VN", "DL", "PPN"}]
    return next((one for one in ids if one.type == "MR"), None) or next(iter(plain or ids), None)


def _who(adt: Adt) -> dict[str, Any]:
    number = mrn(adt.patient_ids)
    told = {"mrn": number.id, "assigning_authority": number.authority} if number else None
    return _some({"visit_number": adt.visit_number, "patient": _some(told) if told else None})


def _unit(place: At) -> dict[str, Any]:
    return _some({"unit": place.unit})


def _place(place: At | None) -> dict[str, Any]:
    return _some({"unit": place.unit, "level": place.level, "program": place.program}) if place else {}


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _some(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def other_facts(stay: Stay, stay_id: str, updates: list[Update], site: SiteMap) -> Iterator[DesiredFact]:
    """The diagnoses, the payers and the expected discharge of a stay."""
    said = tellers(stay, updates)
    for rank, (one, by) in sorted(diagnoses(said).items()):
        value = _some({"system": one.system, "code": one.code, "rank": rank, "status": one.status})
        key = ("diagnosis-recorded", stay_id, str(rank))
        at = max(by.adt.occurred.start, stay.begun)
        yield DesiredFact(key, "diagnosis-recorded", at, value, stay_id, by.adt.stated_at, by.message_id)
    zone = site.zone(stay.steps[0].statement.said.adt.facility)
    for day, (payers, by) in sorted(coverage(said, stay.begun, zone, site).items()):
        at = max(read_moment(day.isoformat(), zone).start, stay.begun)
        value = {"effective_from": day.isoformat(), "coverage": payers}
        key = ("coverage-changed", stay_id, day.isoformat())
        yield DesiredFact(key, "coverage-changed", at, value, stay_id, by.adt.stated_at, by.message_id)
    yield from _planned(stay, stay_id, said)


def _planned(stay: Stay, stay_id: str, said: list[VisitMessage]) -> Iterator[DesiredFact]:
    """PV2-9 as it was told last, and that it was called off."""
    if (told := plan(said)) is None:
        return
    value = {"expected_at": told.expected.end.isoformat()}
    for name, by, own in (("discharge-planned", told.by, value), ("discharge-plan-cancelled", told.off, {})):
        if by is not None:
            at = max(by.adt.occurred.start, stay.begun)
            yield DesiredFact((name, stay_id), name, at, own, stay_id, by.adt.stated_at, by.message_id)
