"""A person as the part of the patient's page tells it: names, numbers and contacts by who told them, payers, visits. In
words; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from babel.dates import format_date

from services.intake.desk import wording
from services.intake.desk.rows import AsIs
from services.intake.desk.views import CoverageOf, VisitOf
from services.intake.people.clinicians import ATTENDING, PRIMARY_CARE
from services.intake.people.person import Fields, shown
from shared.web.listing import Row
from shared.web.tables import Badge
from shared.web.wording import since, spoken
from shared.web.words import locale, say, say_count

Told = Mapping[str, Fields]
"""Facility → what it told of the person."""
_SEXES = {"F": "female", "M": "male", "X": "nonbinary"}
_BY_WAY = {"phone": "by telephone", "voicemail": "by voicemail", "text": "by text message", "email": "by mail"}
_CLINICIANS = {ATTENDING: "attending", PRIMARY_CARE: "primary care"}
_USES = {"home": "at home", "work": "at work"}


def name_rows(told: Told, now: AsIs) -> Iterator[Row]:
    """The names that each facility told, the one that counts first, with birth date and sex."""
    written = {facility: shown(fields) for facility, fields in told.items()}
    differ = {
        name
        for name in ("name", "birth_date", "sex")
        if len({str(each.get(name)) for each in written.values() if name in each}) > 1
    }
    for facility, one in written.items():
        names = [one["name"], *one.get("other_names", ())] if "name" in one else []
        first = _name(names[0]) if names else say("no name was told")
        born = say("born {day}", day=_whole(date.fromisoformat(one["birth_date"]))) if "birth_date" in one else ""
        others = say("also {names}", names="; ".join(map(_name, names[1:]))) if names[1:] else ""
        details = (born, say(_SEXES.get(one.get("sex", ""), "")), others, _teller(facility, now))
        badge = Badge(say("told differently"), "soon") if differ else Badge("")
        yield Row(first, badge, facility, details=tuple(filter(None, details)))


def number_rows(told: Told, now: AsIs) -> Iterator[Row]:
    """The numbers that each facility told, as it told them."""
    for facility, fields in told.items():
        for one in reversed(shown(fields).get("identifiers", ())):
            kind = say(wording.NUMBERS.get(one["type"] or "", one["type"] or "number"))
            whose = one["assigning_authority"]
            known = now.site.facility(whose) if whose else None
            by = known.title if known else say(wording.AUTHORITIES.get(whose or "", whose or ""))
            of = say("of {authority}", authority=by) if whose else ""
            details = tuple(filter(None, (kind, of, _teller(facility, now))))
            yield Row(one["id"], Badge(""), facility, details=details)


def contact_rows(told: Told, now: AsIs) -> Iterator[Row]:
    """Warnings first, then how the patient is reached, the unsafe ones marked."""
    for facility, fields in told.items():
        if (warning := _warning(shown(fields).get("safe_to_contact"))) is not None:
            yield Row(warning, Badge(say("not safe"), "late"), facility, details=(_teller(facility, now),))
    for facility, fields in told.items():
        for one in shown(fields).get("contacts", ()):
            unsafe = Badge(say("not safe"), "late") if one.get("safe") is False else Badge("")
            where = say(_USES.get(one.get("use", ""), ""))
            details = tuple(filter(None, (spoken(one["system"]), where, _teller(facility, now))))
            yield Row(one["value"], unsafe, facility, details=details)


def _warning(safe: bool | Mapping[str, bool] | None) -> str | None:
    """What is said of contact that is not safe; None where nobody said so."""
    if safe is False:
        return say("Not to be contacted")
    ways = [say(_BY_WAY.get(way, way)) for way, fine in safe.items() if not fine] if isinstance(safe, Mapping) else []
    return say("Not to be contacted {ways}", ways=", ".join(ways)) if ways else None


def clinician_rows(told: Told, now: AsIs) -> Iterator[Row]:
    """Who treats the patient, by who told it."""
    for facility, fields in told.items():
        for kind in (ATTENDING, PRIMARY_CARE):
            for number, family, given in fields.get(kind, (None, ""))[0] or ():
                name = ", ".join(filter(None, (family, given))) or number
                of = say("number {number}", number=number) if number and number != name else ""
                details = tuple(filter(None, (say(_CLINICIANS[kind]), of, _teller(facility, now))))
                yield Row(name, Badge(""), facility, details=details)


def payer_row(covered: CoverageOf, now: AsIs) -> Row:
    """Who pays, by what a facility told last, in order of payment."""
    payers = []
    for each in covered.payers:
        known = now.site.payer(each["payer"])
        title = known.title if known else say("a payer that the site does not have")
        payers.append(f"{title}, {each['plan']}" if each.get("plan") not in (None, "unknown") else title)
    since_day = say("since {day}", day=_whole(covered.since))
    details = (since_day, _teller(covered.facility, now))
    return Row("; ".join(payers) or say("nobody was told"), Badge(""), covered.facility, details=details)


def visit_row(visit: VisitOf, now: AsIs) -> Row:
    """A visit: where and when, and how many messages told of it."""
    zone = now.site.zone(visit.facility)
    where = now.title(visit.facility)
    what = say("Visit at {facility}", facility=where)
    days = ""
    if visit.begun_at is not None:
        begun = _whole(visit.begun_at.astimezone(zone).date())
        days = say("since {day}", day=begun)
        if visit.ended_at is not None:
            days = say("{first} to {last}", first=begun, last=_whole(visit.ended_at.astimezone(zone).date()))
    number = say_count("{count} message", "{count} messages", visit.number)
    last = say("the last {ago}", ago=since(visit.last_at, now.at)) if visit.last_at else ""
    first = say("the first {ago}", ago=since(visit.first_at, now.at)) if visit.first_at and visit.number > 1 else ""
    open_ = say_count("{count} waits or went wrong", "{count} wait or went wrong", visit.open) if visit.open else ""
    details = tuple(filter(None, (days, number, first, last)))
    return Row(what, Badge(open_, "soon" if open_ else ""), visit.facility, details=details)


def _name(one: Mapping[str, str]) -> str:
    return ", ".join(filter(None, (one.get("family"), one.get("given"))))


def _teller(facility: str, now: AsIs) -> str:
    return say("told by {facility}", facility=now.title(facility)) if facility else say("not known who told it")


def _whole(value: date) -> str:
    return format_date(value, "medium", locale=locale())
