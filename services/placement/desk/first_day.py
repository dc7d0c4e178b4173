"""GET /placements/{id}/first-day.ics: the first day at a program as a file for a calendar (RFC 5545), for the patient.
It says where and when, and nothing of who or why. Each is audited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk.frame import Parts
from services.placement.desk.placements import LISTING
from services.placement.desk.reading import noted, visible
from services.placement.worklists.lists import EVERYBODY
from shared.site.values import Program
from shared.web import requests
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.words import say

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def calendar_of(program: Program, place: str, first: date, zone: ZoneInfo, *, uid: str, made: datetime) -> bytes:
    """The file: one event, from when to when the program meets on that day of the week, else the whole day. `uid`: the
    same for the same placement, so that a changed day replaces the one before."""
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", made)
    event.add("summary", say("First day: {program}", program=program.title))
    event.add("location", place)
    hours = next((each for each in program.schedule if _DAYS[first.weekday()] in each.days), None)
    if hours is None:
        event.add("dtstart", first)
        event.add("dtend", first + timedelta(days=1))
    else:
        event.add("dtstart", datetime.combine(first, hours.opens, zone))
        event.add("dtend", datetime.combine(first, hours.closes, zone))
    made_of = Calendar()
    made_of.add("prodid", "-//Stepdown//first day//EN")
    made_of.add("version", "2.0")
    made_of.add_component(event)
    made_of.add_missing_timezones()
    return bytes(made_of.to_ical())


class FirstDay:
    """The file of every placement in its reader's scope."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/placements/{id}/first-day.ics", self.frame.page(self._file), methods=["GET"])]

    async def _file(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 404 for a placement that is not in scope or has no first
        day yet."""
        who, site = page_caller(request, *EVERYBODY), self.parts.rules.site
        requests.parameters(request, ())
        async with self.parts.database.begin() as connection:
            line = await visible(connection, self.parts, LISTING, who, request.path_params["id"])
            program = site.program(line.program) if line is not None and line.program else None
            if line is None or program is None or "start_date" not in line.content:
                raise requests.missing()
            await noted(connection, self.parts, who, "first-day-taken-along", [line])
        facility, zone = site.facility(program.facility), self.parts.rules.zone_of(program.facility)
        first = date.fromisoformat(line.content["start_date"])
        place = facility.title if facility else program.facility
        made = calendar_of(program, place, first, zone, uid=f"{line.id}@stepdown", made=self.parts.clock())
        headers = {"content-disposition": 'attachment; filename="first-day.ics"', "cache-control": "no-store"}
        return Response(made, headers=headers, media_type="text/calendar")
