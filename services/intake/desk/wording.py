"""The words of intake's pages: names of forms and fields, sentences after an act, and codes as people say them. Pure.
What is here is English, and is said where it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from services.intake.hl7.triggers import TRIGGERS
from services.intake.people.identifiers import REASONS, SAME_KEY, SAME_OTHER
from services.intake.people.joining import BORN, NAME, OTHER_NUMBER, SAME_BORN, SAME_NAME, SEX, TOLD_AS_ONE
from services.intake.people.likeness import SAME_ADDRESS, SAME_TELEPHONE, SIMILAR_NAME
from services.intake.visits.moves import BEGINNING
from shared.web.wording import spoken
from shared.web.words import say

FIELDS: Mapping[str, str] = {
    "facility": "Facility",
    "source": "Who refers",
    "requested_level": "Level asked for",
    "occurred_at": "When",
    "instrument": "Instrument (LOCUS, ASAM, PHQ-9, …)",
    "version": "Its version",
    "phase": "When in the care (intake, review, discharge)",
    "score": "Score",
    "severity": "Severity, in the instrument's word",
    "flags": "What stands out (codes)",
    "recommended_level": "Level it recommends",
    "recipient": "To whom",
    "recipient_class": "Or to everybody who is",
    "purpose": "What for",
    "from": "First day",
    "to": "Last day",
    "surviving_patient_id": "Which record stays",
}
PURPOSES: Mapping[str, str] = {
    "treatment": "treatment",
    "payment": "payment",
    "operations": "health care operations",
    "tpo": "treatment, payment and operations",
}
STATES: Mapping[str, str] = {
    "standing": "stands",
    "revoking": "being taken back",
    "revoked": "taken back",
    "expired": "over",
}
"""State of a consent → its words."""
TONES: Mapping[str, str] = {"standing": "good", "revoking": "soon", "revoked": "late"}
"""State of a consent → the tone of its badge."""
NUMBER_STATES: Mapping[str, str] = {
    "open": "to be decided",
    "own": "a visit of its own",
    "holder": "the first patient's visit",
}
"""What was decided of a visit number of two patients → its words."""
NEED_STATES: Mapping[str, str] = {
    "open": "to be decided",
    "mapped": "a need of the site",
    "set-aside": "set aside",
}
"""What was decided of a need that is not known → its words."""
WHY: Mapping[str, str] = {
    "one_recipient": "choose one: a recipient, or a kind of recipient",
    "days": "the last day is before the first",
    "one_patient": "say who the patient is",
}
"""Code of a field's problem → what is said at the field."""
ABOUT: Mapping[str, str] = {"one_recipient": "recipient", "days": "to", "in-the-future": "occurred_at"}
"""Code of a problem that names no field → the field of the form that it is about."""
FOR_AND_AGAINST: Mapping[str, str] = {
    SAME_KEY: "the same record number",
    SAME_OTHER: "another number that both have",
    REASONS["SS"]: "the same social security number",
    REASONS["DL"]: "the same driver's license",
    REASONS["PPN"]: "the same passport",
    SAME_NAME: "the same name",
    SAME_BORN: "the same birth date",
    SIMILAR_NAME: "similar names",
    SAME_TELEPHONE: "the same telephone",
    SAME_ADDRESS: "the same address",
    TOLD_AS_ONE: "a hospital said that they are one",
    OTHER_NUMBER: "two numbers of one place, and they differ",
    BORN: "birth dates differ",
    SEX: "sexes differ",
    NAME: "names differ",
}
DOORS: Mapping[str, str] = {"mllp": "MLLP", "kafka": "Kafka", "http": "HTTP"}
NUMBERS: Mapping[str, str] = {
    "MR": "record number",
    "SS": "social security number",
    "DL": "driver's license",
    "PPN": "passport",
    "PI": "patient number",
    "PT": "patient number",
}
"""Type of a number (HL7 table 0203) → words."""
AUTHORITIES: Mapping[str, str] = {"USSSA": "the Social Security Administration"}
"""Who gives numbers besides the site's facilities (HL7 table 0363) → words."""
FAULTS: Mapping[int, str] = {
    100: "its segments are in a wrong order",
    101: "a required field is missing",
    102: "a field can't be read",
    200: "messages of this type are not taken in",
    201: "this trigger is not taken in",
    202: "it is for trying, not for production",
    204: "what it is about is not known",
    205: "what it is about is there already",
    207: "something failed here",
}
"""Code of an error (HL7 table 0357) → what is wrong with the message."""


def trigger(code: str) -> str:
    """A trigger event in words, with its code: `discharge (A03)`; the code alone where it has none."""
    row = TRIGGERS.get(code.rpartition("^")[2])
    return f"{say(row.words)} ({code})" if row else code


SEND_THE_ADMISSION = "have the admission sent (A01); where that is not possible, take the patient in by hand"
"""What to do about the end of a stay whose beginning nobody told."""


def advice(trigger_event: str, note: str, why: str | None) -> str:
    """What a person can do about a message that waits; empty where only its sender can do anything."""
    row = TRIGGERS.get(trigger_event)
    alone = row is not None and row.states == "end" and (note, why) == ("waiting", BEGINNING)
    return say(SEND_THE_ADMISSION) if alone else ""


def reason(text: str | None) -> str:
    """Why a message waits or has no effect, in words."""
    return spoken(text) if text else say("no reason was told")
