"""The programs for one search: each with reasons, free seats and the forms for an offer, the best first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.placement.desk.page import wording
from services.placement.desk.page.rows import Reader, able, form
from services.placement.desk.programs import Filled, filled
from services.placement.programs.census import Place
from services.placement.search.matching import Candidate
from services.placement.worklists.drawing import level
from services.placement.worklists.views import Line
from shared.events.levels import Level
from shared.site.values import Hours, Program
from shared.web.desk import Badge, Row
from shared.web.forms import Form
from shared.web.wording import day, spoken

A_FEW = 0.15
"""Of a program's seats: when no more of them are free, it is nearly full."""


def program_row(program: Program, places: Sequence[Place], free_on: date | None, reader: Reader) -> Row:
    """A program and how full it is, as a row."""
    full = filled(program, places, reader.at)
    later = sum(not one.stands_at(reader.at) for one in places if one.seat_id)
    details = (
        _hours(program),
        ", ".join(map(spoken, program.tracks)),
        ", ".join(map(spoken, program.modalities)),
        "; ".join(map(_meets, program.schedule)),
        f"takes {', '.join(program.payers)}",
        f"{full.there} there now" if full.taken else "",
        f"{later} more taken from a later day" if later else "",
        "" if full.free or free_on is None else f"a seat comes free {day(free_on)}",
    )
    return Row(
        level(program.level),
        _fullness(full, program.capacity),
        program.facility,
        name=program.title,
        details=tuple(filter(None, details)),
        taken=(program.capacity, full.taken),
    )


def _fullness(full: Filled, capacity: int) -> Badge:
    if full.over:
        return Badge(f"over by {full.over}", "late")
    if not full.free:
        return Badge("full", "late")
    return Badge(f"{full.free} free", "good" if full.free > capacity * A_FEW else "soon")


def _meets(hours: Hours) -> str:
    return f"{', '.join(day.capitalize() for day in hours.days)} {hours.opens:%H:%M} to {hours.closes:%H:%M}"


def _hours(program: Program) -> str:
    modes = " or ".join(map(spoken, program.modes))
    if program.hours_week is None:
        return modes
    days = f" on {program.days_week} days" if program.days_week else ""
    return f"{program.hours_week:g} hours a week{days}, {modes}"


class OfSearch(NamedTuple):
    """How a patient stands with programs: where an offer waits for an answer, who has the patient in line, where a seat
    is held."""

    asked: frozenset[str] = frozenset()
    waits: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()


def candidate_row(
    candidate: Candidate, program: Program, places: Sequence[Place], *, search: Line, reader: Reader, known: OfSearch
) -> Row:
    """A program for a search, as a row: what it fails, what speaks for and against it, how full it is, and its
    forms."""
    plain = program_row(program, places, candidate.free_on, reader)
    seat, told = candidate.free_on, day(candidate.free_on) if candidate.free_on else ""
    points = tuple((reason.holds, reason.words.replace(str(seat), told)) for reason in candidate.reasons)
    fails = ", ".join(wording.MUSTS.get(rule, spoken(rule)) for rule in candidate.fails)
    badge = Badge("suits", "good") if candidate.fits else Badge("does not suit")
    return Row(
        plain.what,
        badge,
        program.facility,
        name=program.title,
        details=tuple(filter(None, (f"fails: {fails}" if fails else "", *_so(program, known), *plain.details[:1]))),
        points=points,
        taken=plain.taken,
        forms=tuple(_asking(candidate, program, search, reader, known)),
    )


def _so(program: Program, known: OfSearch) -> list[str]:
    told = {"asked, no answer yet": known.asked, "waits in line": known.waits, "a seat is kept": known.kept}
    return [what for what, programs in told.items() if program.id in programs]


def _asking(candidate: Candidate, program: Program, search: Line, reader: Reader, known: OfSearch) -> list[Form]:
    """The forms for an offer, for holding a seat, and for a full program's waiting line; only those not done
    already."""
    given = {"search_id": search.id, "program": program.id}
    first = candidate.free_on
    today = reader.at.astimezone(reader.zone(program.facility)).date()
    found = []
    if program.id not in known.asked and (offer := able("/api/offers", reader)):
        proposed = {"start_date": first.isoformat() if first else ""}
        settled, choices = given | _of_no_choice(program, search), _choices(program)
        needed = ("variance_reason",)
        found.append(form(offer, search, reader, given=settled, proposed=proposed, options=choices, required=needed))
    if first is not None and program.id not in known.kept and (hold := able("/api/seats", reader)):
        settled = {"episode_id": search.episode_id, "program": program.id}
        settled |= {} if program.groups else {"group": ""}
        found.append(
            form(hold, search, reader, given=settled, proposed=_kept_for_days(first), options=_choices(program))
        )
    full = first is None or first > today
    if full and program.id not in known.waits and (wait := able("/api/waitlist", reader)):
        found.append(form(wait, search, reader, given=given))
    return found


def _kept_for_days(first: date) -> dict[str, str]:
    """The days proposed for holding a seat: a few days from the first free one."""
    return {"from": f"{first}T00:00", "until": f"{first + KEPT}T00:00"}


KEPT = timedelta(days=3)


def _of_no_choice(program: Program, search: Line) -> dict[str, str]:
    """Fields that have only one possible value, as hidden fields."""
    found = {"episode_id": ""}
    if program.level == Level(search.content["recommended_level"]):
        found["variance_reason"] = ""
    return found | {name: "" for name, there in (("track", program.tracks), ("group", program.groups)) if not there}


def _choices(program: Program) -> Mapping[str, Mapping[str, str]]:
    return {
        "track": {each: spoken(each) for each in program.tracks},
        "group": {group.id: f"{group.id}, {group.title}" for group in program.groups},
        "variance_reason": wording.options(wording.VARIANCES),
    }
