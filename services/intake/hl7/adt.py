"""Reads a parsed ADT message into an `Adt`. Names and contacts are read in people/person.py.

Sources: contract 6; HL7 v2.5.1 chapter 3; IHE ITI-31. Routed by MSH-9.1 and MSH-9.2 alone: EVN-1 disagrees with them in
one message of seven, MSH-9.3 is missing in every second.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from services.intake.hl7 import fields, groups
from services.intake.hl7.header import Header
from services.intake.hl7.model import REMOVED, Adt, FeedRules, Moment, Movement, PatientId, Refused, Removed, Sender
from services.intake.hl7.parser import NULL, Message
from services.intake.hl7.records import told_records
from services.intake.hl7.timestamps import offset_of, read_day, read_told
from services.intake.hl7.triggers import TRIGGERS, Trigger, is_local

_TIMES = ("PV1-44", "PV1-45", "EVN-6", "EVN-2", "MSH-7", "PV2-9", "PV2-47", "PID-29", "EVN-3", "PV2-8", "ZBE-2")
ZONE_DIFFERS = "zone-differs"
"""The warning where MSH-7's offset is not one that the facility's zone has then."""
_OF_AN_EVENT, _OF_A_PLAN = ("EVN-6", "EVN-2", "MSH-7"), ("EVN-2", "MSH-7")
"""Where an event says when it was. A plan has happened when it was said: its EVN-6 may lie ahead."""
Times = Mapping[str, Moment | Removed | None]
"""The time fields that were sent, by place in the order of `_TIMES`; None for one that is not a time."""


def read_adt(message: Message, head: Header, rules: FeedRules, arrived_at: datetime) -> Adt:
    """What an ADT message says. `arrived_at` stands in for times that it lacks, and future times are measured from it.

    Raises Refused: AR 200/201/202 for what this door does not take; AE where control id, PID, patient id or a merge's
    other patient is missing, a required time unreadable or too far in the future. All else that is odd is a warning.
    """
    codes, removable = fields.codes(message.texts), fields.removable(message.texts)
    sender = rules.sender(head.sending_app, head.sending_facility, codes.get("PV1-3.4", ""))
    _check(head, sender.processing_ids)
    (ids, from_pid_2), death = _patient(message, TRIGGERS[head.trigger]), fields.death(removable)
    times, zone_differs = _times(message.texts, sender)
    occurred, source = _occurred(head.trigger, times, arrived_at)
    _check_future(occurred.start, source, arrived_at + rules.future_limit)
    stated, sent = _first(times, "EVN-2", "MSH-7"), times.get("MSH-7")
    means = TRIGGERS[head.trigger]
    records = told_records(message, means, sender.facility) if means.merges or means.records else ()
    number, by_account = fields.visit_number(codes, sender.visit_from)
    diagnoses, diagnosis_changes = groups.diagnoses(message)
    return Adt(
        trigger=head.trigger,
        control_id=fields.short(head.control_id),
        sending_app=head.sending_app, sending_facility=head.sending_facility,
        processing_id=head.processing_id or sender.processing_ids[0],
        facility=sender.facility,
        stated_at=stated.start if stated else arrived_at,
        occurred=occurred, occurred_from=source,
        event=_first(times, "EVN-6") or stated or Moment(arrived_at, arrived_at),
        sent_at=sent.start if isinstance(sent, Moment) else None,
        patient_ids=ids,
        visit_number=number, by_account=by_account, visit_authority=codes.get("PV1-19.4"), account=codes.get("PID-18"),
        earlier_number=codes.get("MRG-5"), earlier_account=codes.get("MRG-3"),
        patient_class=codes.get("PV1-2"), service=codes.get("PV1-10"), patient_type=codes.get("PV1-18"),
        location=fields.location(codes, "PV1-3"), prior_location=fields.location(codes, "PV1-6"),
        admission_type=removable.get("PV1-4"), admission_source=removable.get("PV1-14"),
        attending_npi=fields.attending(message),
        disposition=removable.get("PV1-36"), discharged_to=removable.get("PV1-37"),
        admitted=times.get("PV1-44"), discharged=times.get("PV1-45"),
        expected_admission=times.get("PV2-8"), expected_discharge=times.get("PV2-9"),
        expected_return=times.get("PV2-47"), planned=times.get("EVN-3"),
        event_reason=codes.get("EVN-4"),
        deceased=death == "Y" or "PID-29" in codes, death=death, died=times.get("PID-29"),
        diagnoses=diagnoses, diagnosis_changes=diagnosis_changes,
        coverage=groups.coverage(message),
        merged=tuple([each for one in records for each in one.other]) if means.merges else (), records=records,
        movement=_movement(message, times) if "ZBE-1" in message.texts else None,
        age_years=_age(message.texts.get("PID-7", ""), occurred.start),
        charset=message.charset,
        warnings=_warnings(message, head, sender, times, from_pid_2=from_pid_2) + zone_differs,
    )  # fmt: skip


def _check(head: Header, processing_ids: tuple[str, ...]) -> None:
    if head.kind != "ADT":
        raise Refused("AR", 200, "MSH", 9, "only ADT messages are taken here")
    if head.trigger not in TRIGGERS and not is_local(head.trigger):
        raise Refused("AR", 201, "MSH", 9, "this trigger is not taken here")
    if (head.processing_id or processing_ids[0]) not in processing_ids:
        raise Refused("AR", 202, "MSH", 11, "the processing id is not the one configured for this feed")
    if not head.control_id:
        raise Refused("AE", 101, "MSH", 10, "the message has no control id")


def _movement(message: Message, times: Times) -> Movement | None:
    """The movement that the message is of; None where ZBE-1 has no id."""
    ids, at = fields.movement_ids(message), times.get("ZBE-2")
    action = _ACTIONS.get(message.texts.get("ZBE-4", "").upper(), "insert")
    return Movement(ids, action, at if isinstance(at, Moment) else None) if ids else None


_ACTIONS: Mapping[str, Literal["insert", "update", "cancel"]] = {
    "INSERT": "insert",
    "UPDATE": "update",
    "CANCEL": "cancel",
}
"""ZBE-4; whatever else it says is an `insert`."""


def _check_future(occurred: datetime, source: str, latest: datetime) -> None:
    if occurred > latest:
        place = source if source in _TIMES else "MSH-7"
        text = "the time lies further in the future than the site allows"
        raise Refused("AE", 207, place[:3], int(place[4:]), text, at=occurred)


def _patient(message: Message, means: Trigger) -> tuple[tuple[PatientId, ...], bool]:
    """The patient's ids, and whether they are PID-2's, since PID-3 has none. Raises Refused where neither has one."""
    pid = message.first("PID")
    if pid is not None and (ids := fields.patient_ids(pid, 3)):
        return ids, False
    if pid is not None and (ids := fields.patient_ids(pid, 2)):
        return ids, True
    if means.nobody:
        return (), False
    if pid is None:
        raise Refused("AE", 100, "PID", 0, "the message has no PID segment")
    raise Refused("AE", 101, "PID", 3, "the message has no patient id")


def _times(texts: Mapping[str, str], sender: Sender) -> tuple[Times, tuple[str, ...]]:
    """The times of a message, and the warning ZONE_DIFFERS where one applies."""
    found: dict[str, Moment | Removed | None] = {}
    zone, zone_of, differs = sender.zone, sender.zone_of, False
    sent = offset_of(texts.get("MSH-7", "")) if zone_of != "facility" else None
    for place in _TIMES:
        text = texts.get(place)
        if text == NULL:
            found[place] = REMOVED
        elif text:
            try:
                found[place], odd = read_told(text, zone, sent, zone_of)
            except ValueError:
                found[place] = None
            else:
                differs = differs or odd
    return found, (ZONE_DIFFERS,) if differs else ()


def _first(times: Times, *places: str) -> Moment | None:
    """The first of these fields that is a time."""
    for place in places:
        if isinstance(told := times.get(place), Moment):
            return told
    return None


def _occurred(trigger: str, times: Times, arrived_at: datetime) -> tuple[Moment, str]:
    """When the event happened, and the field that says so: the trigger's own time field if it is filled, else the first
    readable one of EVN-6, EVN-2 and MSH-7, else the arrival. Raises Refused where the fields filled are unreadable and
    the trigger needs a time."""
    means = TRIGGERS[trigger]
    own = means.own_time
    chain = (own,) if own and times.get(own, REMOVED) is not REMOVED else _OF_A_PLAN if means.plans else _OF_AN_EVENT
    for place in chain:
        if isinstance(told := times.get(place), Moment):
            return told, place
    for place in chain if means.needs_time else ():
        if times.get(place, REMOVED) is None:
            raise Refused("AE", 102, place[:3], int(place[4:]), "a required time is unreadable")
    return Moment(arrived_at, arrived_at), "arrival"


def _warnings(message: Message, head: Header, sender: Sender, times: Times, *, from_pid_2: bool) -> tuple[str, ...]:
    """What is odd about the message, and no reason to refuse it; never with a value of it."""
    found = list(message.warnings)
    if from_pid_2:
        found.append("PID-3 is empty; the patient id is from PID-2")
    for place, time in times.items():
        if time is None:
            found.append(f"{place} is not a time; not used")
    admitted, discharged = times.get("PV1-44"), times.get("PV1-45")
    if isinstance(admitted, Moment) and isinstance(discharged, Moment) and discharged.end < admitted.start:
        found.append("PV1-45 is before PV1-44")
    if not head.processing_id:
        found.append(f"MSH-11 is empty; the first one of the feed {sender.feed} is taken")
    return tuple(found)


def _age(born: str, at: datetime) -> int | None:
    """Whole years on the day of `at`, by PID-7; None where that is no day, a later one, or one 150 years before."""
    day, on = read_day(born), at.date()
    if day is None or day > on:
        return None
    years = on.year - day.year - ((on.month, on.day) < (day.month, day.day))
    return years if years <= 150 else None
