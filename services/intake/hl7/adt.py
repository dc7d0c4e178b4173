"""Reads a parsed ADT message into an `Adt`. Names and contacts are read in people/person.py.

Sources: contract 6; HL7 v2.5.1 chapter 3; IHE ITI-31. Routed by MSH-9.1 and MSH-9.2 alone: EVN-1 disagrees with them in
one message of seven, MSH-9.3 is missing in every second.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from typing import NamedTuple

from services.intake.hl7 import fields
from services.intake.hl7.header import Header
from services.intake.hl7.model import REMOVED, Adt, FeedRules, Location, Moment, PatientId, Refused, Removed
from services.intake.hl7.parser import NULL, Message
from services.intake.hl7.timestamps import read_day, read_moment
from services.intake.hl7.triggers import TRIGGERS

_TIMES = ("PV1-44", "PV1-45", "EVN-6", "EVN-2", "MSH-7", "PV2-9", "PV2-47", "PID-29")
_CODES = ("PV1-2", "PV1-4", "PV1-14", "PV1-19", "PV1-36", "PID-7", "PID-18", "PID-30", "EVN-4")
_PLACES = {
    name: {place: int(place[4:]) for place in (*_TIMES, *_CODES) if place[:3] == name}
    for name in ("MSH", "EVN", "PID", "PV1", "PV2")
}
"""Segment → place → field number: every field of which only the first component is read."""


class _Times(NamedTuple):
    """The time fields of a message, by place such as `PV1-44`; a field that is empty is in none of the three."""

    told: dict[str, Moment | Removed]
    moments: dict[str, Moment]
    """The same without what is REMOVED."""
    unreadable: list[str]


class _Accepted(NamedTuple):
    """What is read of a message before its `Adt` is made; it has passed every check but those of a merge."""

    facility: str
    processing_id: str
    location: Location
    patient_ids: tuple[PatientId, ...]
    texts: dict[str, str]
    times: _Times
    occurred: Moment
    occurred_from: str
    warnings: list[str]


def read_adt(message: Message, head: Header, rules: FeedRules, arrived_at: datetime) -> Adt:
    """What an ADT message says. `arrived_at` stands in for times that it lacks, and future times are measured from it.

    Raises Refused (an InvalidMessage): AR 200/201/202 for what this door does not take, AE for a message without
    control id, PID or patient id, a merge without MRG or into itself, a required time that is unreadable or further
    in the future than the site's limit. Everything else that is odd is a warning.
    """
    accepted = _accepted(message, head, rules, arrived_at)
    values, times, moments = fields.values(accepted.texts), accepted.times.told, accepted.times.moments
    stated = moments.get("EVN-2") or moments.get("MSH-7")
    death = fields.death(values.get("PID-30"))
    return Adt(
        trigger=head.trigger,
        control_id=fields.short(head.control_id),
        sending_app=head.sending_app,
        sending_facility=head.sending_facility,
        processing_id=accepted.processing_id,
        facility=accepted.facility,
        stated_at=stated.start if stated else arrived_at,
        occurred=accepted.occurred,
        occurred_from=accepted.occurred_from,
        event=moments.get("EVN-6") or stated or Moment(arrived_at, arrived_at),
        sent_at=moments["MSH-7"].start if "MSH-7" in moments else None,
        patient_ids=accepted.patient_ids,
        visit_number=fields.known(values.get("PV1-19")) or fields.known(values.get("PID-18")),
        patient_class=fields.known(values.get("PV1-2")),
        location=accepted.location,
        prior_location=fields.location(message, 6),
        admission_type=values.get("PV1-4"),
        admission_source=values.get("PV1-14"),
        attending_npi=fields.attending(message),
        disposition=values.get("PV1-36"),
        admitted=times.get("PV1-44"),
        discharged=times.get("PV1-45"),
        expected_discharge=times.get("PV2-9"),
        expected_return=times.get("PV2-47"),
        event_reason=fields.known(values.get("EVN-4")),
        deceased=death == "Y" or fields.known(values.get("PID-29")) is not None,
        death=death,
        died=times.get("PID-29"),
        diagnoses=fields.diagnoses(message),
        coverage=fields.coverage(message),
        merged=_merged(message, accepted) if TRIGGERS[head.trigger].merges else (),
        age_years=_age(read_day(accepted.texts.get("PID-7", "")), accepted.occurred.start.date()),
        charset=message.charset,
        warnings=tuple(accepted.warnings),
    )


def _accepted(message: Message, head: Header, rules: FeedRules, arrived_at: datetime) -> _Accepted:
    """Check the message and read what the checks need. Raises Refused."""
    place = fields.location(message, 3)
    facility = rules.facility(head.sending_app, head.sending_facility, place.facility or "")
    taken = rules.processing_ids(facility)
    _check(head, taken)
    ids, warnings = _patient(message)
    texts = message.texts(_PLACES)
    times = _times(texts, rules.zone(facility))
    occurred, source = _occurred(head.trigger, times, arrived_at)
    _check_future(occurred.start, source, arrived_at + rules.future_limit)
    warnings = [*message.warnings, *warnings, *_doubts(times)]
    if not head.processing_id:
        feed = rules.feed(head.sending_app, head.sending_facility)
        warnings.append(f"MSH-11 is empty; the first one of the feed {feed} is taken")
    return _Accepted(facility, head.processing_id or taken[0], place, ids, texts, times, occurred, source, warnings)


def _check(head: Header, processing_ids: tuple[str, ...]) -> None:
    if head.kind != "ADT":
        raise Refused("AR", 200, "MSH", 9, "only ADT messages are taken here")
    if head.trigger not in TRIGGERS:
        raise Refused("AR", 201, "MSH", 9, "this trigger is not taken here")
    if (head.processing_id or processing_ids[0]) not in processing_ids:
        raise Refused("AR", 202, "MSH", 11, "the processing id is not the one configured for this feed")
    if not head.control_id:
        raise Refused("AE", 101, "MSH", 10, "the message has no control id")


def _check_future(occurred: datetime, source: str, latest: datetime) -> None:
    if occurred > latest:
        place = source if source in _TIMES else "MSH-7"
        text = "the time lies further in the future than the site allows"
        raise Refused("AE", 207, place[:3], int(place[4:]), text, at=occurred)


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


def _merged(message: Message, accepted: _Accepted) -> tuple[PatientId, ...]:
    if message.first("MRG") is None:
        raise Refused("AE", 100, "MRG", 0, "a merge needs an MRG segment")
    merged = fields.patient_ids(message, "MRG", 1)
    if not merged:
        raise Refused("AE", 101, "MRG", 1, "a merge needs the id that is merged")
    if all(any(_same(one, other, accepted.facility) for other in merged) for one in accepted.patient_ids):
        raise Refused("AE", 205, "MRG", 1, "a patient can't be merged into itself")
    return merged


def _same(one: PatientId, other: PatientId, facility: str) -> bool:
    """Whether two ids are equal and share a name of their authority; an id without authority is the facility's own."""
    names, others = ({each.authority or facility, each.universal} - {None} for each in (one, other))
    return one.id == other.id and bool(names & others)


def _times(texts: Mapping[str, str], zone: tzinfo) -> _Times:
    found = _Times({}, {}, [])
    for place in _TIMES:
        text = texts.get(place)
        if text == NULL:
            found.told[place] = REMOVED
        elif text:
            try:
                found.told[place] = found.moments[place] = read_moment(text, zone)
            except ValueError:
                found.unreadable.append(place)
    return found


def _occurred(trigger: str, times: _Times, arrived_at: datetime) -> tuple[Moment, str]:
    """When the event happened, and the field that says so: the trigger's own time field if it is filled, else the first
    readable one of EVN-6, EVN-2 and MSH-7, else the arrival. Raises Refused where the fields filled are unreadable."""
    own = TRIGGERS[trigger].own_time
    chain = (own,) if own and (own in times.moments or own in times.unreadable) else ("EVN-6", "EVN-2", "MSH-7")
    for place in chain:
        if place in times.moments:
            return times.moments[place], place
    for place in chain:
        if place in times.unreadable:
            raise Refused("AE", 102, place[:3], int(place[4:]), "a required time is unreadable")
    return Moment(arrived_at, arrived_at), "arrival"


def _doubts(times: _Times) -> list[str]:
    doubts = [f"{place} is not a time; not used" for place in times.unreadable]
    admitted, discharged = times.moments.get("PV1-44"), times.moments.get("PV1-45")
    if admitted and discharged and discharged.end < admitted.start:
        doubts.append("PV1-45 is before PV1-44")
    return doubts


def _age(born: date | None, on: date) -> int | None:
    if born is None or born > on:
        return None
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return years if years <= 150 else None
