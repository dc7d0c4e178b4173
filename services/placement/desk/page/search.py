"""The programs for one search: each with reasons, free seats and the forms for an offer, the best first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from services.placement.desk.page import wording
from services.placement.desk.page.rows import Reader, able, form
from services.placement.desk.programs import Filled, filled
from services.placement.programs.census import Place
from services.placement.search.matching import Candidate, Reason
from services.placement.worklists.glance import level
from services.placement.worklists.views import Line
from shared.events.levels import Level
from shared.site.values import Hours, Program
from shared.web.forms import Form
from shared.web.listing import Row
from shared.web.tables import Badge, Cell, Column, Table
from shared.web.wording import day, language_of, listed, plainly, spoken
from shared.web.words import say, say_again, say_count

A_FEW = 0.15
"""Of a program's seats: when no more of them are free, it is nearly full."""


def program_row(program: Program, places: Sequence[Place], free_on: date | None, reader: Reader) -> Row:
    """A program and how full it is, as a row."""
    full = filled(program, places, reader.at)
    later = sum(not one.stands_at(reader.at) for one in places if one.seat_id)
    what, *more = filter(
        None,
        (
            _hours(program),
            ", ".join(map(spoken, program.tracks)),
            ", ".join(map(spoken, program.modalities)),
            "; ".join(map(meets, program.schedule)),
            say("takes {payers}", payers=", ".join(map(reader.payer, program.payers))),
        ),
    )
    seats = (
        say("{count} there now", count=full.there) if full.taken else "",
        say("{count} more taken from a later day", count=later) if later else "",
        "" if full.free or free_on is None else say("a seat comes free {day}", day=day(free_on)),
    )
    taken = (program.capacity, full.taken)
    cells = {
        "levels": Cell(levels=(program.level,)),
        "what": Cell(what, more),
        "seats": Cell(more=tuple(filter(None, seats)), taken=taken),
        "facility": Cell(reader.facility(program.facility)),
    }
    return Row(
        level(program.level),
        _fullness(full, program.capacity),
        program.facility,
        name=program.title,
        details=(what, *more),
        taken=taken,
        cells=cells,
        link=(f"/programs/{program.id}/attendance", "Attendance") if able("/api/sessions", reader) else None,
        page=f"/programs/{program.id}/today",
    )


def _point(reason: Reason, reader: Reader) -> str:
    """What a rule says of a program, in the reader's words: payers by their titles, a language by its name."""
    if reason.rule != "language":
        return plainly(reason.words, {each.id: each.title for each in reader.site.payers})
    return say_again(reason.words, language_of)


def _fullness(full: Filled, capacity: int) -> Badge:
    if full.over:
        return Badge(say("over by {count}", count=full.over), "late")
    if not full.free:
        return Badge(say("full"), "late")
    return Badge(
        say_count("{count} free", "{count} free", full.free), "good" if full.free > capacity * A_FEW else "soon"
    )


def meets(hours: Hours) -> str:
    days = ", ".join(map(spoken, hours.days))
    return say("{days} {opens} to {closes}", days=days, opens=f"{hours.opens:%H:%M}", closes=f"{hours.closes:%H:%M}")


def _hours(program: Program) -> str:
    modes = listed([spoken(each) for each in program.modes])
    if program.hours_week is None:
        return modes
    given = {"hours": f"{program.hours_week:g}", "modes": modes}
    if not program.days_week:
        return say("{hours} hours a week, {modes}", **given)
    return say("{hours} hours a week on {days} days, {modes}", days=program.days_week, **given)


COMPARED = Table(
    (
        Column("waiting", "Suits?"),
        Column("levels", "Level"),
        Column("day", "A seat from"),
        Column("room", "Seats"),
        Column("reasons", "For and against", wide=True),
    ),
    about="Program",
)
"""The programs for a search side by side."""


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
    points = tuple((reason.holds, _point(reason, reader)) for reason in candidate.reasons)
    fails = ", ".join(say(wording.MUSTS[rule]) if rule in wording.MUSTS else spoken(rule) for rule in candidate.fails)
    failing = say("fails: {what}", what=fails) if fails else ""
    badge = Badge(say("suits"), "good") if candidate.fits else Badge(say("does not suit"))
    return Row(
        plain.what,
        badge,
        program.facility,
        name=program.title,
        cells={
            "waiting": Cell(badge=badge, more=tuple(filter(None, (failing, *_so(program, known))))),
            "levels": Cell(levels=(program.level,), more=plain.details[:1]),
            "day": _first_day(candidate, reader.at.astimezone(reader.zone(program.facility)).date()),
            "room": Cell(badge=plain.badge, taken=plain.taken),
            "reasons": Cell(points=points),
        },
        forms=tuple(_asking(candidate, program, search, reader, known)),
        key=program.id if program.id not in known.asked and able("/api/offers", reader) else "",
    )


def _first_day(candidate: Candidate, today: date) -> Cell:
    """From which day on a seat is free, and how long that is."""
    if candidate.free_on is None:
        return Cell(say("not known"))
    days = (candidate.free_on - today).days
    wait = say_count("in {count} day", "in {count} days", days) if days > 0 else say("no wait")
    return Cell(day(candidate.free_on), (wait,))


def to_several(search: Line, reader: Reader) -> Form | None:
    """The form by which several programs are asked at once, all with one first day; None for who may not."""
    if (offer := able("/api/offers", reader)) is None:
        return None
    given = {"search_id": search.id, "episode_id": "", "program": "", "track": "", "group": ""}
    words = {"variance_reason": wording.options(wording.VARIANCES)}
    return form(offer, search, reader, given=given, options=words)._replace(label="Send offers")


def _so(program: Program, known: OfSearch) -> list[str]:
    told = {say("asked, no answer yet"): known.asked, say("waits in line"): known.waits}
    told |= {say("a seat is kept"): known.kept}
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
