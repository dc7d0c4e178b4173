"""A patient who was found, in words: name, record number, birth date, where, and what was told of them last. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

import orjson
from babel.dates import format_date

from services.intake.people.finding.views import LastStep
from shared.site.config import Site
from shared.web.wording import spoken, tail
from shared.web.words import locale, say, say_count

_KEYS = ("MR", "PI", "PT")
"""Types of a record number (HL7 table 0203), the likeliest to be known by first."""
_SEXES = {"F": "female", "M": "male", "X": "nonbinary"}
_STEPS = {
    "admitted": "{level} since {day}",
    "transferred": "{level} since {day}",
    "leave-started": "on leave since {day}",
    "leave-ended": "back from leave since {day}",
    "discharged": "discharged {day}",
    "visit-started": "{level} visit since {day}",
    "visit-ended": "visit ended {day}",
}


class PatientFound(NamedTuple):
    """One patient as the page and the list below the box show it. `record`: the record number; `last`: what was told
    last of the patient's stays; `where`: titles of the reader's facilities that have the patient."""

    patient_id: str
    name: str
    record: str
    born: str
    sex: str
    last: str
    where: str


class Look(NamedTuple):
    """When somebody looks, and the site whose facilities have titles and zones."""

    at: datetime
    site: Site


def drawn(
    patient_id: str, person: Mapping[str, Any], facilities: Sequence[str], last: LastStep | None, look: Look
) -> PatientFound:
    """A patient in words. `person`: as the API shows who it is."""
    name = person.get("name", {})
    written = ", ".join(filter(None, (name.get("family"), name.get("given"))))
    return PatientFound(
        patient_id,
        written or say("Patient {tail}", tail=tail(patient_id)),
        _record(person.get("identifiers", ())),
        _born(person.get("birth_date"), look.at.date()),
        say(_SEXES[person["sex"]]) if person.get("sex") in _SEXES else "",
        _last(last, look.site) if last else "",
        ", ".join(_title(each, look.site) for each in facilities),
    )


def _record(identifiers: Sequence[Mapping[str, str | None]]) -> str:
    """The record number: the one told last of the likeliest type; empty where none is one."""
    for kind in (*_KEYS, None):
        if of_kind := [str(each["id"]) for each in identifiers if (each.get("type") or None) == kind]:
            return of_kind[-1]
    return ""


def _born(text: str | None, today: date) -> str:
    """A birth date with the age in whole years."""
    if not text:
        return ""
    day = date.fromisoformat(text)
    age = today.year - day.year - ((today.month, today.day) < (day.month, day.day))
    years = say_count("{count} year", "{count} years", age)
    return say("born {day}, {age}", day=_day(day), age=years)


def _last(last: LastStep, site: Site) -> str:
    facility = site.facility(last.facility)
    zone: tzinfo | None = facility.zone_info if facility else last.at.tzinfo
    told = orjson.loads(last.value)
    level = told.get("level") or told.get("class") or (told.get("to") or {}).get("level") or "visit"
    return say(_STEPS[last.type], level=spoken(level), day=_day(last.at.astimezone(zone).date()))


def _title(name: str, site: Site) -> str:
    facility = site.facility(name)
    return facility.title if facility else name


def _day(day: date) -> str:
    return format_date(day, "medium", locale=locale())
