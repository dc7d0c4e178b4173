"""GET of programs: what the site config says of each, its free seats, and how well it suits a search, with reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum.order import day_of, midnight
from services.placement.desk import capacity
from services.placement.desk.frame import Parts
from services.placement.desk.overviews import JudgedRule
from services.placement.desk.reading import noted, visible
from services.placement.desk.searches import LISTING as SEARCHES
from services.placement.engine.publish import seats_of
from services.placement.programs import seats
from services.placement.programs.census import NOBODY, Place, out_at, taken_at, there_at
from services.placement.search.matching import Candidate, rank
from services.placement.worklists import program_views, views
from services.placement.worklists.lists import CARE, EVERYBODY
from services.placement.worklists.program_views import AnswersOf, ToldSeats
from services.placement.worklists.views import Line
from shared.events.levels import RANK, Level
from shared.events.placing import Needs
from shared.events.published import read_as_struct
from shared.site.values import Program
from shared.storage.database import Connection
from shared.values import replace
from shared.web import requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller

FILTERS = ("level", "facility", "search_id")
_HIDDEN = {"npi", "billing"}
Places = Mapping[str, Sequence[Place]]
"""Program → who has a place there from now on, by whichever door."""


class Filled(NamedTuple):
    """How full a program is: seats taken now, whichever system reported it; persons there; seats left; how many over
    capacity; seats out of use, as the program told."""

    taken: int
    there: int
    free: int
    over: int
    out_of_use: int = 0


class KnownOfPrograms(NamedTuple):
    """Program → who has a place there from now on and what is out of use; what the program told of its seats, and when;
    how many wait for it; how it answered offers in the last days."""

    places: Places
    told: Mapping[str, ToldSeats]
    waiting: Mapping[str, int]
    answered: Mapping[str, Sequence[AnswersOf]]


OVER = "over-capacity"
COUNTED = timedelta(days=90)
"""Answers to offers are counted for so long."""


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """GET /api/programs, /api/programs/{id}, /api/searches/{id}/programs."""

    async def listed(request: Request) -> Response:
        who = caller(request, *EVERYBODY)
        asked = requests.parameters(request, FILTERS)
        level = requests.one_of(asked, "level", list(RANK))
        facility = _facility(parts, asked)
        found = await _found(parts, who, asked.get("search_id"))
        chosen = [one for one in found if level in {None, one["level"]} and facility in {None, one["facility"]}]
        return JSON({"programs": chosen, "next": None})

    async def for_a_search(request: Request) -> Response:
        who = caller(request, *CARE)
        requests.parameters(request, ())
        return JSON({"programs": await _found(parts, who, request.path_params["id"]), "next": None})

    async def one(request: Request) -> Response:
        caller(request, *EVERYBODY)
        requests.parameters(request, ())
        program = parts.rules.site.program(request.path_params["id"])
        if program is None:
            raise requests.missing()
        now = parts.clock()
        async with parts.database.begin() as connection:
            known = await known_of(connection, [program], now)
        return JSON(_shown(parts, program, known, now))

    return [
        Route("/api/programs", listed, methods=["GET"]),
        Route("/api/programs/{id}", one, methods=["GET"]),
        Route("/api/searches/{id}/programs", for_a_search, methods=["GET"]),
    ]


def _facility(parts: Parts, asked: Mapping[str, str]) -> str | None:
    if "facility" not in asked:
        return None
    found = parts.rules.site.facility(asked["facility"])
    if found is None:
        raise requests.unfit("facility", "the site has no such facility")
    return found.name


async def _found(parts: Parts, who: Caller, search_id: str | None) -> list[dict[str, Any]]:
    """Every program in the order of site config; for a search the best first, each with what speaks for and against
    it."""
    now = parts.clock()
    async with parts.database.begin() as connection:
        search = await _search(connection, parts, who, search_id) if search_id is not None else None
        known = await known_of(connection, parts.rules.site.programs, now)
        been = await been_at(connection, search, who) if search else frozenset()
    shown = {p.id: _shown(parts, p, known, now) for p in parts.rules.site.programs}
    if search is None:
        return list(shown.values())
    return [{**shown[one.program], **_judged(one)} for one in ranked(parts, search, known.places, now, been)]


async def _search(connection: Connection, parts: Parts, who: Caller, search_id: str) -> Line:
    may = bool(who.roles & {*CARE, "admin"})
    found = await visible(connection, parts, SEARCHES, who, search_id) if may else None
    if found is None:
        raise requests.missing()
    await noted(connection, parts, who, "search-matched", [found])
    return found


async def known_of(connection: Connection, programs: Iterable[Program], now: datetime) -> KnownOfPrograms:
    """What is known of these programs' seats now."""
    ids = [each.id for each in programs]
    return KnownOfPrograms(
        await views.places(connection, ids, now, now),
        await program_views.told_seats(connection, ids),
        await program_views.queues_of(connection, ids),
        await program_views.answers_of(connection, ids, now - COUNTED),
    )


async def been_at(connection: Connection, search: Line, who: Caller) -> frozenset[str]:
    """The programs that the search's patient was at before, by what the reader may see."""
    return await program_views.programs_of(connection, search.patient_id, who.scope)


async def everybody(connection: Connection, parts: Parts, now: datetime) -> dict[str, list[Place]]:
    """program → the seats and stays there that last beyond now, for every program of the site."""
    return await views.places(connection, [p.id for p in parts.rules.site.programs], now, now)


def ranked(
    parts: Parts, search: Line, places: Places, now: datetime, been_at: Iterable[str] = ()
) -> tuple[Candidate, ...]:
    """Every program for a search, the best first; a patient who is there already needs no other seat there. While a
    stay is open a seat is looked for from its expected end on. `been_at`: programs that the patient was at before, as
    far as the reader may know."""
    site, person, zone = parts.rules.site, search.episode_id, parts.rules.zone_of(search.facility)
    ready = search.content.get("ready_on")
    since = max(now, midnight(date.fromisoformat(ready), zone)) if ready else now
    free = {p.id: first_day(parts, p, places.get(p.id, ()), since, person) for p in site.programs}
    needs = read_as_struct(Needs, search.content.get("needs", {}))
    today = day_of(since, zone)
    level = Level(search.content["recommended_level"])
    return rank(site.programs, level, needs, free, today, vocabulary=site.needs, been_at=been_at)


def first_day(
    parts: Parts, program: Program, places: Sequence[Place], now: datetime, person: str | None = None
) -> date | None:
    """The first whole day, today or later, from which a seat is free (for `person`, where given) and stays free, in the
    program's zone; None where there is none."""
    zone = parts.rules.zone_of(program.facility)
    today = day_of(now, zone)
    at = seats.first_free(seats_of(parts.rules, program.id), places, midnight(today, zone), person)
    if at is None:
        return None
    local = at.astimezone(zone)
    return local.date() if local.time() == time() else local.date() + timedelta(days=1)


def filled(program: Program, places: Sequence[Place], at: datetime) -> Filled:
    """How full the program is at an instant."""
    out = min(out_at(places, at), program.capacity)
    taken = taken_at((one for one in places if one.person != NOBODY), at)
    left = program.capacity - out - taken
    return Filled(taken, there_at(places, at), max(left, 0), max(-left, 0), out)


def rests_on_expected(
    parts: Parts, program: Program, places: Sequence[Place], now: datetime, first: date | None
) -> bool:
    """True when this first free day rests on an end that is expected, and not told."""
    if not any(one.expected for one in places):
        return False
    told = [replace(one, until=None) if one.expected else one for one in places]
    return first_day(parts, program, told, now) != first


def _shown(parts: Parts, program: Program, known: KnownOfPrograms, now: datetime) -> dict[str, Any]:
    places = known.places.get(program.id, [])
    told = program.model_dump(mode="json", by_alias=True, exclude=_HIDDEN, exclude_none=True)
    standing = [one for one in places if one.stands_at(now)]
    day = first_day(parts, program, places, now)
    groups = [
        {**group.model_dump(mode="json"), "free": group.capacity - sum(one.group == group.id for one in standing)}
        for group in program.groups
    ]
    full = filled(program, places, now)
    warnings = [OVER] if full.over else []
    day_free = {
        "first_free": day.isoformat() if day else None,
        "first_free_expected": rests_on_expected(parts, program, places, now, day),
        "waiting": known.waiting.get(program.id, 0),
        "answered": [
            {name: value for name, value in one._asdict().items() if value is not None}
            for one in known.answered.get(program.id, ())
        ],
        "told": capacity.told_by(parts, program, known.told),
    }
    return {**told, "groups": groups, **full._asdict(), **day_free, "warnings": warnings}


def _judged(one: Candidate) -> dict[str, Any]:
    reasons: list[JudgedRule] = [
        {"rule": r.rule, "must": r.must, "holds": r.holds, "words": r.words} for r in one.reasons
    ]
    return {"fits": one.fits, "fails": list(one.fails), "preferences": one.preferences, "reasons": reasons}
