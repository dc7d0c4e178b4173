"""GET of programs: what the site says of each, its free seats, and how well it suits a search, with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement import desk_views
from services.placement.continuum.order import day_of, midnight
from services.placement.desk.frame import CARE, EVERYBODY, Parts
from services.placement.desk.reading import noted, visible
from services.placement.desk.searches import LISTING as SEARCHES
from services.placement.desk_views import Line
from services.placement.programs import seats
from services.placement.programs.seats import Claim
from services.placement.publishing import seats_of
from services.placement.search.matching import Candidate, rank
from shared.api import asking
from shared.auth import Caller
from shared.db import Connection
from shared.events.levels import RANK
from shared.events.placing import Needs
from shared.site_values import Program
from shared.web import JSON, caller

FILTERS = ("level", "facility", "search_id")
_HIDDEN = {"npi", "billing"}
Claims = Mapping[str, Sequence[Claim]]


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """GET /api/programs, /api/programs/{id}, /api/searches/{id}/programs."""

    async def listed(request: Request) -> Response:
        who = caller(request, *EVERYBODY)
        asked = asking.parameters(request, FILTERS)
        level = asking.one_of(asked, "level", sorted(RANK, key=RANK.__getitem__))
        facility = _facility(parts, asked)
        found = await _found(parts, who, asked.get("search_id"))
        chosen = [one for one in found if level in {None, one["level"]} and facility in {None, one["facility"]}]
        return JSON({"programs": chosen, "next": None})

    async def for_a_search(request: Request) -> Response:
        who = caller(request, *CARE)
        asking.parameters(request, ())
        return JSON({"programs": await _found(parts, who, request.path_params["id"]), "next": None})

    async def one(request: Request) -> Response:
        caller(request, *EVERYBODY)
        asking.parameters(request, ())
        program = parts.rules.site.program(request.path_params["id"])
        if program is None:
            raise asking.missing()
        now = parts.clock()
        async with parts.database.begin() as connection:
            claims = await desk_views.claims(connection, now)
        return JSON(_shown(parts, program, claims.get(program.id, []), now))

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
        raise asking.unfit("facility", "the site has no such facility")
    return found.name


async def _found(parts: Parts, who: Caller, search_id: str | None) -> list[dict[str, Any]]:
    """Every program as the site has them; with a search the best first, each with what speaks for and against it."""
    now = parts.clock()
    async with parts.database.begin() as connection:
        search = await _search(connection, parts, who, search_id) if search_id is not None else None
        claims = await desk_views.claims(connection, now)
    shown = {p.id: _shown(parts, p, claims.get(p.id, []), now) for p in parts.rules.site.programs}
    if search is None:
        return list(shown.values())
    return [{**shown[one.program], **_judged(one)} for one in ranked(parts, search, claims, now)]


async def _search(connection: Connection, parts: Parts, who: Caller, search_id: str) -> Line:
    may = bool(who.roles & {*CARE, "admin"})
    found = await visible(connection, parts, SEARCHES, who, search_id) if may else None
    if found is None:
        raise asking.missing()
    await noted(connection, parts, who, "search-matched", [found])
    return found


def ranked(parts: Parts, search: Line, claims: Claims, now: datetime) -> tuple[Candidate, ...]:
    """Every program for a search, best first."""
    site = parts.rules.site
    free = {p.id: first_day(parts, p, claims.get(p.id, ()), now) for p in site.programs}
    needs = Needs.model_validate(search.content.get("needs", {}))
    today = day_of(now, parts.rules.zone_of(search.facility))
    return rank(site.programs, search.content["recommended_level"], needs, free, today)


def first_day(parts: Parts, program: Program, claims: Sequence[Claim], now: datetime) -> date | None:
    """The first whole day, today or later, from which on a seat is free and stays so; the program's zone."""
    zone = parts.rules.zone_of(program.facility)
    today = day_of(now, zone)
    at = seats.first_free(seats_of(parts.rules, program.id), claims, midnight(today, zone))
    if at is None:
        return None
    local = at.astimezone(zone)
    return local.date() if local.time() == time() else local.date() + timedelta(days=1)


def _shown(parts: Parts, program: Program, claims: Sequence[Claim], now: datetime) -> dict[str, Any]:
    told = program.model_dump(mode="json", by_alias=True, exclude=_HIDDEN, exclude_none=True)
    standing = [claim for claim in claims if claim.stands_at(now)]
    day = first_day(parts, program, claims, now)
    groups = [
        {**group.model_dump(mode="json"), "free": group.capacity - sum(claim.group == group.id for claim in standing)}
        for group in program.groups
    ]
    taken = {"taken": len(standing), "free": max(program.capacity - len(standing), 0)}
    return {**told, "groups": groups, **taken, "first_free": day.isoformat() if day else None}


def _judged(one: Candidate) -> dict[str, Any]:
    reasons = [{"rule": r.rule, "must": r.must, "holds": r.holds, "words": r.words} for r in one.reasons]
    return {"fits": one.fits, "preferences": one.preferences, "reasons": reasons}
