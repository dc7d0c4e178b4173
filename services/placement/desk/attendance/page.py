"""GET and POST /programs/{program}/attendance?day=&group=&cursor=: the attendance sheet of a program's or group's day.

One form for all. Each row is carried out as the API's own write would be, in a transaction of its own: what could not
be recorded is said at its row, and the rest is done. A session is known by its id, so that a form that is sent twice
records once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum.order import day_of, midnight
from services.placement.desk import sessions, writes
from services.placement.desk import views as session_views
from services.placement.desk.attendance.sheet import (
    ABSENCES,
    FIELDS,
    THERE,
    Attendee,
    Choice,
    Sheet,
    choices_of,
    request_of,
)
from services.placement.desk.frame import Parts, Subject, whose_of
from services.placement.desk.page import choices
from services.placement.desk.reading import noted
from services.placement.worklists import views
from shared.errors import InvalidMessage, Rejected, Transient
from shared.storage.database import Connection
from shared.web import paging, posts, requests
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.pages import Notice, Pages, notice_of
from shared.web.posts import Posted
from shared.web.prefix import base
from shared.web.sessions import form, page_caller
from shared.web.words import say

DONE: Final = {"attendance-recorded": "attendance is recorded"}
MOST: Final = 120
"""Patients on one page of a sheet; a program with more has several pages, or records by group."""
MOST_FIELDS: Final = MOST * len(FIELDS) + 10


class SheetRow(NamedTuple):
    """A row as the page shows it. `wrong`: why what was said could not be recorded."""

    attendee: Attendee
    said: Choice
    wrong: str = ""


class AttendancePage:
    """The page, made of `parts` in the frame of the desk's pages."""

    def __init__(self, parts: Parts, frame: Pages, subjects: Sequence[Subject]) -> None:
        self.parts, self.frame = parts, frame
        self._door = writes.door(parts, subjects)
        self._writes = {one.path: one for one in sessions.SUBJECT.writes}

    def routes(self) -> Sequence[BaseRoute]:
        """Both methods of the address."""
        at = "/programs/{program}/attendance"
        return [
            Route(at, self.frame.page(self._shown), methods=["GET"]),
            Route(at, self.frame.page(self._sent), methods=["POST"]),
        ]

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, 403, 404 and 422 Problems."""
        who = page_caller(request, *sessions.TELLERS)
        asked = requests.parameters(request, {"day", "group", "all", "cursor"})
        sheet = self._sheet(request, who, asked)
        first = sheet.proposed._replace(there=requests.one_of(asked, "all", (THERE,)) or "")
        async with self.parts.database.begin() as connection:
            found, following = await self._attendees(connection, who, sheet)
            await noted(connection, self.parts, who, "attendance-looked-at", [one.placement for one in found])
        rows = [SheetRow(one, one.recorded if one.session else first) for one in found]
        return self._page(request, who, sheet, rows, following=following)

    async def _sent(self, request: Request) -> Response:
        """Record what is said of each patient who is on the sheet."""
        who = page_caller(request, *sessions.TELLERS)
        fields = await form(request, most=MOST_FIELDS)
        sheet = self._sheet(request, who, fields)
        async with self.parts.database.read() as connection:
            found, following = await self._attendees(connection, who, sheet)
        rows = [await self._record(who, sheet, one, fields) for one in found]
        wrong = sum(bool(one.wrong) for one in rows)
        if not wrong:
            return self.frame.lead(self._address(request, sheet), "attendance-recorded")
        text = say(
            "{count} of {all} could not be recorded: the rows say why. All others are recorded.",
            count=wrong, all=sum(bool(one.said.there) for one in rows),
        )  # fmt: skip
        return self._page(request, who, sheet, rows, following=following, notice=Notice(text, status=409))

    async def _record(self, who: Caller, sheet: Sheet, one: Attendee, fields: Mapping[str, str]) -> SheetRow:
        said, was = choices_of(fields, one.placement.id)
        if not said.there or _same(said, one.recorded):
            return SheetRow(one, said if said.there else one.recorded)
        if one.recorded.text != was:
            text = say("somebody recorded something else meanwhile: look at it, and send it again if it is wrong")
            return SheetRow(one, said, text)
        path, of, raw = request_of(sheet, one, said)
        write = self._writes[path]
        try:
            command = requests.read(write.asks, raw)
            await posts.perform(self._door, Posted(write, who, of, command, None, None))
        except Rejected as no:
            already = no.code == "already-told"  # the same form, sent twice at once
            return SheetRow(one, said, "" if already else no.text)
        except (Problem, InvalidMessage, Transient) as fault:
            return SheetRow(one, said, notice_of(fault).text)
        return SheetRow(one, said)

    def _sheet(self, request: Request, who: Caller, asked: Mapping[str, str]) -> Sheet:
        """Raises a 404 Problem for a program that the caller does not see, 422 for a day or group that is none."""
        site = self.parts.rules.site
        program = site.program(request.path_params["program"])
        if program is None or not who.scope.has(program.facility):
            raise requests.missing(text="There is no program here that you may see.")
        today = day_of(self.parts.clock(), site.zone(program.facility))
        try:
            day = date.fromisoformat(asked["day"]) if asked.get("day") else today
        except ValueError:
            raise requests.unfit("day", "the day is no day") from None
        if day > today:
            raise requests.unfit("day", "that day has not come yet")
        group = asked.get("group", "")
        if group and group not in {one.id for one in program.groups}:
            raise requests.unfit("group", "the program has no such group")
        return Sheet(program, day, group, asked.get("cursor", ""))

    async def _attendees(self, connection: Connection, who: Caller, sheet: Sheet) -> tuple[list[Attendee], str | None]:
        """(The patients of the page who had a stay at the program on that day, by two queries, whatever their number;
        the cursor of the next page). Raises a 422 Problem for a cursor that is none."""
        zone = self.parts.rules.site.zone(sheet.program.facility)
        begins, ends = midnight(sheet.day, zone), midnight(sheet.day + timedelta(days=1), zone)
        place = paging.after({"cursor": sheet.cursor} if sheet.cursor else {})
        question = views.ListQuestion(whose_of(who, who.scope), MOST + 1, place)
        every = await views.there_between(connection, sheet.program.id, begins, ends, question)
        found, following = paging.page(every, MOST, lambda line: (paging.at(line.at), line.id))
        mine = [one for one in found if not sheet.group or one.content.get("group", sheet.group) == sheet.group]
        told = await session_views.attendances(connection, {one.episode_id for one in mine})
        lines = {name: list(sessions.lines_of(each)) for name, each in told.items()}
        return [
            Attendee(
                one,
                sheet.session_among(
                    [each for each in lines.get(one.episode_id, ()) if each.content["placement_id"] == one.id]
                ),
            )
            for one in mine
        ], following

    def _page(
        self,
        request: Request,
        who: Caller,
        sheet: Sheet,
        rows: Sequence[SheetRow],
        *,
        following: str | None,
        notice: Notice | None = None,
    ) -> Response:
        site, program = self.parts.rules.site, sheet.program
        meets = {day for each in program.schedule for day in each.days}
        told: dict[str, Any] = {
            "who": who,
            "sheet": sheet,
            "rows": rows,
            "following": following,
            "most": MOST,
            "today": day_of(self.parts.clock(), site.zone(program.facility)),
            "before": sheet.day - timedelta(days=1),
            "after": sheet.day + timedelta(days=1),
            "meets": not meets or f"{sheet.day:%a}".lower() in meets,
            "absences": ABSENCES,
            "kinds": choices.options("/api/sessions", site, program).get("services.kind", {}),
            "modes": program.modes,
            "here": self._address(request, sheet) if notice else "",
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "attendance.html", notice.status if notice else 200, **told, **said)

    def _address(self, request: Request, sheet: Sheet) -> str:
        kept = {"day": str(sheet.day), "group": sheet.group, "cursor": sheet.cursor}
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{base(request)}/programs/{sheet.program.id}/attendance?{query}"


def _same(said: Choice, recorded: Choice) -> bool:
    """True where nothing is to be recorded: of who was not there only the reason counts, of who was there and nothing
    is said of what was given, only that."""
    if said.there != recorded.there:
        return False
    return said.there != THERE or said == recorded or said.kind == recorded.kind == ""
