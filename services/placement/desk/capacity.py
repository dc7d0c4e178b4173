"""PUT /api/programs/{id}/capacity: a program tells which of its seats are out of use, and when it expects some to come
free. The program's row is locked: whoever claims a seat afterwards counts with what was told (contract 5.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum.order import midnight
from services.placement.desk.frame import PROGRAMS, Parts
from services.placement.desk.overviews import ToldShown
from services.placement.engine.capacity import tell_seats
from services.placement.programs.census import SeatsOut
from services.placement.worklists import program_views
from services.placement.worklists.program_views import ToldSeats
from shared.site.values import Program
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import openapi as api
from shared.web import requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller
from shared.web.commands import Command

Reason = Literal["staff", "rooms", "infection-control", "holiday", "other"]
EVERY_SEAT: Final = 1000
"""The seats of a closure: as many as a program of site config can have."""
DONE: Final = {"capacity-told": "what you told of the seats counts from now on"}


class OutOfUse(Command):
    """Seats that nobody can be given over whole days of the program's zone."""

    seats: int | None = Field(default=None, ge=1, le=EVERY_SEAT, description="how many; absent: all, it is closed")
    begins: Annotated[date, Field(alias="from", description="first day")]
    to: date | None = Field(default=None, description="last day; absent: until told otherwise")
    reason: Reason = "other"

    @model_validator(mode="after")
    def _in_order(self) -> OutOfUse:
        if self.to is not None and self.to < self.begins:
            raise PydanticCustomError("days", "`to` is before `from`")
        return self


class ExpectedFree(Command):
    """Seats that the program expects to come free on a day: shown, and counted nowhere."""

    on: date
    seats: int = Field(ge=1, le=EVERY_SEAT)


class ToldCapacity(Command):
    """All that a program tells of its seats now; it takes the place of what was told before."""

    out_of_use: tuple[OutOfUse, ...] = Field(default=(), max_length=50)
    expected_free: tuple[ExpectedFree, ...] = Field(default=(), max_length=50)


def rows_of(told: ToldCapacity, zone: ZoneInfo) -> list[SeatsOut]:
    """What is out of use as instants: from the first day's midnight to the one after the last day."""
    return [
        SeatsOut(
            one.seats or EVERY_SEAT,
            midnight(one.begins, zone),
            midnight(one.to + timedelta(days=1), zone) if one.to else None,
            one.reason,
        )
        for one in told.out_of_use
    ]


def shown(
    told: ToldSeats | None, program: Program, zone: ZoneInfo, *, now: datetime, fresh_days: int
) -> dict[str, Any]:
    """What a program told of its seats, as JSON; what is over is left out."""
    if told is None or told.at is None:
        return {"told_at": None, "fresh": False, "out_of_use": [], "expected_free": []}
    today = now.astimezone(zone).date()
    out = [_out(one, program, zone) for one in told.out if one.until is None or one.until > now]
    expected = [one for one in told.expected_free if date.fromisoformat(one["on"]) >= today]
    fresh = now - told.at <= timedelta(days=fresh_days)
    return {"told_at": told.at.isoformat(), "fresh": fresh, "out_of_use": out, "expected_free": expected}


def _out(one: SeatsOut, program: Program, zone: ZoneInfo) -> dict[str, Any]:
    found: dict[str, Any] = {"from": one.since.astimezone(zone).date().isoformat(), "reason": one.reason}
    if one.seats < program.capacity:
        found["seats"] = one.seats
    if one.until is not None:
        found["to"] = (one.until.astimezone(zone).date() - timedelta(days=1)).isoformat()
    return found


async def tell(connection: Connection, parts: Parts, who: Caller, program: Program, told: ToldCapacity) -> None:
    """Keep what the program tells, under its lock; audited."""
    expected = [{"on": one.on.isoformat(), "seats": one.seats} for one in told.expected_free]
    noted = audit.Entry(parts.clock(), who.subject, "capacity-told", program.id)
    await tell_seats(connection, rows_of(told, parts.rules.zone_of(program.facility)), expected, noted)


def of_the_caller(parts: Parts, who: Caller, program_id: str) -> Program:
    """The program, where it is of a facility of the caller's. Raises a 404 Problem."""
    program = parts.rules.site.program(program_id)
    if program is None or not who.scope.has(program.facility):
        raise requests.missing()
    return program


def routes(parts: Parts) -> Sequence[BaseRoute]:
    """The address of what a program tells."""

    async def put(request: Request) -> Response:
        who = caller(request, *PROGRAMS)
        requests.media_type(request, ("application/json",))
        told = requests.read(ToldCapacity, await requests.body(request))
        program = of_the_caller(parts, who, request.path_params["id"])
        async with parts.database.begin() as connection:
            await tell(connection, parts, who, program, told)
            known = await program_views.told_seats(connection, [program.id])
        return JSON(told_by(parts, program, known))

    return [Route("/api/programs/{id}/capacity", put, methods=["PUT"])]


def told_by(parts: Parts, program: Program, known: Mapping[str, ToldSeats]) -> dict[str, Any]:
    """What a program told of its seats, as JSON."""
    zone, days = parts.rules.zone_of(program.facility), parts.rules.site.limits.capacity_days
    return shown(known.get(program.id), program, zone, now=parts.clock(), fresh_days=days)


def paths() -> dict[str, Any]:
    """The path for the OpenAPI document."""
    return {
        "/api/programs/{id}/capacity": {
            "put": {
                **api.operation(
                    "tellCapacity", "Tell which seats are out of use, and when some are expected free", PROGRAMS,
                    ToldShown, asked=[api.PARAMETERS["Id"]], problems=(400, 401, 403, 404, 413, 415, 422, 503),
                ),
                "requestBody": {"required": True, "content": api.json(ToldCapacity)},
            }
        }
    }  # fmt: skip
