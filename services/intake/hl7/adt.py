"""A parsed message to what the hospital said in it; refuses only what nothing can mend. Names are read elsewhere.

Sources: contract 6; HL7 v2.5.1 chapter 3; IHE ITI-31. Routed by MSH-9.1 and MSH-9.2 alone: EVN-1 disagrees with them in
one message of seven, MSH-9.3 is missing in every second.
"""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from enum import Enum

from services.intake.hl7 import fields
from services.intake.hl7.model import REMOVED, Adt, FeedRules, Moment, PatientId, Refused, Removed
from services.intake.hl7.parser import NULL, Message
from services.intake.hl7.timestamps import read_moment
from services.intake.hl7.triggers import TRIGGERS

_EVENT = ("EVN-6", "EVN-2", "MSH-7")
_PLACES = {
    "PV1-44": ("PV1", 44),
    "PV1-45": ("PV1", 45),
    "EVN-6": ("EVN", 6),
    "EVN-2": ("EVN", 2),
    "MSH-7": ("MSH", 7),
    "PV2-9": ("PV2", 9),
    "PV2-47": ("PV2", 47),
    "PID-29": ("PID", 29),
}


class _Unreadable(Enum):
    UNREADABLE = "unreadable"


_Times = dict[str, Moment | Removed | _Unreadable]


def read_adt(message: Message, rules: FeedRules, arrived_at: datetime) -> Adt:
    """What the message says; who the patient is, `people.person` reads.

    Raises Refused (an InvalidMessage): AR 200/201/202 for what this door does not take, AE for a message without
    control id, PID or patient id, a merge without MRG or into itself, a required time that is unreadable or further
    in the future than the site's limit. Everything else that is odd is a warning.
    """
    place = fields.location(message, 3)
    facility = rules.facility(message.msh.get(3), message.msh.get(4), place.facility or "")
    taken = rules.processing_ids(facility)
    trigger = _accepted(message, taken)
    control_id = fields.short(message.msh.get(10))
    if not control_id:
        raise Refused("AE", 101, "MSH", 10, "the message has no control id")
    ids, warnings = _patient(message)
    times = _times(message, rules.zone(facility))
    occurred, source = _occurred(trigger, times, arrived_at)
    if occurred.start - arrived_at > rules.future_limit:
        segment, field = _PLACES.get(source, ("MSH", 7))
        text = "the time lies further in the future than the site allows"
        raise Refused("AE", 207, segment, field, text, at=occurred.start)
    return Adt(
        trigger=trigger,
        control_id=control_id,
        sending_app=message.msh.get(3),
        sending_facility=message.msh.get(4),
        processing_id=_processing_id(message) or taken[0],
        facility=facility,
        stated_at=_readable(times, ("EVN-2", "MSH-7")) or arrived_at,
        occurred=occurred,
        occurred_from=source,
        event=_moment(times, _EVENT) or Moment(arrived_at, arrived_at),
        sent_at=_readable(times, ("MSH-7",)),
        patient_ids=ids,
        visit_number=fields.visit_number(message),
        patient_class=fields.code(message, "PV1", 2),
        location=place,
        prior_location=fields.location(message, 6),
        admission_type=fields.told(message, "PV1", 4),
        admission_source=fields.told(message, "PV1", 14),
        attending_npi=fields.attending(message),
        disposition=fields.told(message, "PV1", 36),
        admitted=_told(times, "PV1-44"),
        discharged=_told(times, "PV1-45"),
        expected_discharge=_told(times, "PV2-9"),
        expected_return=_told(times, "PV2-47"),
        event_reason=fields.code(message, "EVN", 4),
        deceased=fields.deceased(message),
        death=fields.death(message),
        died=_told(times, "PID-29"),
        diagnoses=fields.diagnoses(message),
        coverage=fields.coverage(message),
        merged=_merged(message, ids, facility) if TRIGGERS[trigger].merges else (),
        age_years=_age(fields.birth_date(message), occurred.start.date()),
        charset=message.charset,
        warnings=(*message.warnings, *warnings, *_doubts(times), *_unsaid(message, rules)),
    )


def _accepted(message: Message, processing_ids: tuple[str, ...]) -> str:
    msh = message.msh
    trigger = msh.get(9, 2)
    if msh.get(9) != "ADT":
        raise Refused("AR", 200, "MSH", 9, "only ADT messages are taken here")
    if trigger not in TRIGGERS:
        raise Refused("AR", 201, "MSH", 9, "this trigger is not taken here")
    if (_processing_id(message) or processing_ids[0]) not in processing_ids:
        raise Refused("AR", 202, "MSH", 11, "the processing id is not the one configured for this feed")
    return trigger


def _processing_id(message: Message) -> str:
    told = message.msh.get(11)
    return "" if told == NULL else told


def _unsaid(message: Message, rules: FeedRules) -> list[str]:
    if _processing_id(message):
        return []
    return [f"MSH-11 is empty; the first one of the feed {rules.feed(message.msh.get(3), message.msh.get(4))} is taken"]


def _patient(message: Message) -> tuple[tuple[PatientId, ...], list[str]]:
    if message.first("PID") is None:
        raise Refused("AE", 100, "PID", 0, "the message has no PID segment")
    ids = fields.patient_ids(message, "PID", 3)
    if ids:
        return ids, []
    ids = fields.patient_ids(message, "PID", 2)
    if not ids:
        raise Refused("AE", 101, "PID", 3, "the message has no patient id")
    return ids, ["PID-3 is empty; the patient id is from PID-2"]


def _merged(message: Message, ids: tuple[PatientId, ...], facility: str) -> tuple[PatientId, ...]:
    if message.first("MRG") is None:
        raise Refused("AE", 100, "MRG", 0, "a merge needs an MRG segment")
    merged = fields.patient_ids(message, "MRG", 1)
    if not merged:
        raise Refused("AE", 101, "MRG", 1, "a merge needs the id that is merged")
    if all(any(_same(one, other, facility) for other in merged) for one in ids):
        raise Refused("AE", 205, "MRG", 1, "a patient can't be merged into itself")
    return merged


def _same(one: PatientId, other: PatientId, facility: str) -> bool:
    """One number: of one authority by any of the names it was told with; none told is the facility's own."""
    names, others = ({each.authority or facility, each.universal} - {None} for each in (one, other))
    return one.id == other.id and bool(names & others)


def _times(message: Message, zone: tzinfo) -> _Times:
    found: _Times = {}
    seen: dict[str, Moment | _Unreadable] = {}
    for place, (name, field) in _PLACES.items():
        text = message.get(name, field)
        if text == NULL:
            found[place] = REMOVED
        elif text:
            if text not in seen:
                seen[text] = _read(text, zone)
            found[place] = seen[text]
    return found


def _read(text: str, zone: tzinfo) -> Moment | _Unreadable:
    try:
        return read_moment(text, zone)
    except ValueError:
        return _Unreadable.UNREADABLE


def _occurred(trigger: str, times: _Times, arrived_at: datetime) -> tuple[Moment, str]:
    """The trigger's own time where it is told: then it must be readable. Else the first readable time of the event."""
    own = TRIGGERS[trigger].own_time
    chain = (own,) if own and isinstance(times.get(own), (Moment, _Unreadable)) else _EVENT
    for place in chain:
        found = times.get(place)
        if isinstance(found, Moment):
            return found, place
    for place in chain:
        if times.get(place) is _Unreadable.UNREADABLE:
            segment, field = _PLACES[place]
            raise Refused("AE", 102, segment, field, "a required time is unreadable")
    return Moment(arrived_at, arrived_at), "arrival"


def _moment(times: _Times, places: tuple[str, ...]) -> Moment | None:
    for place in places:
        found = times.get(place)
        if isinstance(found, Moment):
            return found
    return None


def _readable(times: _Times, places: tuple[str, ...]) -> datetime | None:
    found = _moment(times, places)
    return found.start if found else None


def _told(times: _Times, place: str) -> Moment | Removed | None:
    found = times.get(place)
    return None if found is _Unreadable.UNREADABLE else found


def _doubts(times: _Times) -> list[str]:
    doubts = [f"{place} is not a time; not used" for place, found in times.items() if found is _Unreadable.UNREADABLE]
    admitted, discharged = times.get("PV1-44"), times.get("PV1-45")
    if isinstance(admitted, Moment) and isinstance(discharged, Moment) and discharged.end < admitted.start:
        doubts.append("PV1-45 is before PV1-44")
    return doubts


def _age(born: date | None, on: date) -> int | None:
    if born is None or born > on:
        return None
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return years if years <= 150 else None
