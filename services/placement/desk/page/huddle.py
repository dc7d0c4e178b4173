"""GET /programs/{program}/today: what a program's team has to know this morning, on one sheet to print. Each look is
audited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum import codec
from services.placement.continuum.order import day_of
from services.placement.desk import programs, reading
from services.placement.desk import views as sessions_told
from services.placement.desk.frame import Parts, whose_of
from services.placement.desk.programs import Filled
from services.placement.programs import sessions
from services.placement.programs.sessions import SessionRecord
from services.placement.worklists import views, work
from services.placement.worklists.lists import EVERYBODY
from services.placement.worklists.views import Line, ListQuestion
from services.placement.worklists.work import EntriesOf
from shared.events.stays import Absent
from shared.scope import Scope
from shared.site.values import Program
from shared.storage.database import Connection
from shared.web import requests
from shared.web.auth import Caller
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.wording import dated, day, spoken
from shared.web.words import say

MOST = 500
"""Entries of one kind that a sheet has at most."""
_ENDING = EntriesOf("authorization", more=work.ending)
_USED_UP = EntriesOf("authorization", more=work.used_up)
_REVIEWS = EntriesOf("plan", ("current",), work.over)


class OnSheet(NamedTuple):
    """A line of the sheet: the patient, and a few words."""

    patient_id: str
    words: str = ""


class Part(NamedTuple):
    """A part of the sheet: its title, its lines, and what it says where there is none."""

    title: str
    lines: Sequence[OnSheet]
    none: str


class Gathered(NamedTuple):
    """What was read for a sheet: the program's entries, whose sessions of today were told, and what of the same
    episodes ends or is to be looked at."""

    entries: Sequence[Line]
    today: Sequence[tuple[str, SessionRecord]]
    ending: Sequence[Line]
    used_up: Sequence[Line]
    reviews: Sequence[Line]
    by_message: Sequence[str]

    def of(self, kind: str, *states: str) -> list[Line]:
        """The program's entries of a kind in these states."""
        return [line for line in self.entries if line.kind == kind and line.state in states]


class HuddleSheet:
    """The sheet of every program in its reader's scope."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/programs/{program}/today", self.frame.page(self._shown), methods=["GET"])]

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 404 for a program that is not in scope."""
        who, rules, now = page_caller(request, *EVERYBODY), self.parts.rules, self.parts.clock()
        requests.parameters(request, ())
        program = rules.site.program(request.path_params["program"])
        if program is None or not who.may_see(program.facility):
            raise requests.missing()
        today = day_of(now, rules.zone_of(program.facility))
        async with self.parts.database.begin() as connection:
            places = (await views.places(connection, [program.id], now, now)).get(program.id, [])
            there = {one.person for one in places if one.seat_id is None and one.stands_at(now)}
            found = await self._gathered(connection, program, there, who, today)
        free_on = programs.first_day(self.parts, program, places, now)
        told: dict[str, Any] = {
            "program": program,
            "day": dated(today, date.min),
            "meets": list(_meets(program, today)),
            "seats": _seats(programs.filled(program, places, now), free_on),
            "parts": list(_parts(found, today, now)),
        }
        return self.frame.render(request, "huddle.html", who=who, **told)

    async def _gathered(
        self, connection: Connection, program: Program, there: set[str], who: Caller, today: date
    ) -> Gathered:
        now, whose = self.parts.clock(), whose_of(who, Scope(frozenset({program.facility})))
        entries: list[Line] = []
        for kind, state in _KINDS:
            asked = ListQuestion(whose, MOST, state=state, program=program.id)
            entries += await views.lines(connection, kind, asked)
        started = {line.episode_id for line in entries if (line.kind, line.state) == ("placement", "started")}
        known = await sessions_told.attendances(connection, started | there)
        of_today = [(one.patient_id, each) for one in known.values() for each in _sessions_of(one, today)]
        mine = sorted(started | there)
        ending, used_up, reviews = [
            await each.of_episodes(connection, whose, mine, now) for each in (_ENDING, _USED_UP, _REVIEWS)
        ]
        by_message = [known[each].patient_id for each in sorted(there - started) if each in known]
        found = Gathered(entries, of_today, ending, used_up, reviews, by_message)
        seen = [*entries, *ending, *used_up, *reviews]
        await reading.noted(connection, self.parts, who, "huddle-looked-at", seen)
        return found


_KINDS = (
    ("placement", "placed"), ("placement", "missed"), ("placement", "started"), ("offer", "sent"),
    ("offer", "countered"), ("waiting", "waiting"),
)  # fmt: skip


def _sessions_of(one: sessions_told.Attendance, today: date) -> Iterator[SessionRecord]:
    for each in sessions.sessions(one.own, codec.unpacked(one.fold).ineffective):
        if each.told.date == today and each.state != "withdrawn":
            yield each


def _parts(found: Gathered, today: date, now: datetime) -> Iterator[Part]:
    first = [line for line in found.of("placement", "placed") if _first(line) <= today]
    absent = {patient: one.told.reason for patient, one in found.today if isinstance(one.told, Absent)}
    came = {patient for patient, one in found.today if one.state == "attended"}
    there = found.of("placement", "started")
    away = {line.patient_id: w for line in there if (w := _away(line, absent)) is not None}
    here = [OnSheet(line.patient_id, _here(line, came)) for line in there if line.patient_id not in away]
    here += [OnSheet(each, say("told by the hospital")) for each in found.by_message]
    yield Part(
        say("First days"), [OnSheet(one.patient_id, _when(_first(one), today)) for one in first], say("Nobody starts.")
    )
    yield Part(say("Expected today"), here, say("Nobody is expected."))
    yield Part(say("Absent or on leave"), [OnSheet(*each) for each in away.items()], say("Nobody is away."))
    ending = {line.id: OnSheet(line.patient_id, say("ends {day}", day=_last(line))) for line in found.ending}
    ending |= {line.id: OnSheet(line.patient_id, say("nothing is left")) for line in found.used_up}
    yield Part(say("Authorizations that end"), list(ending.values()), say("None ends within a week."))
    reviews = [OnSheet(line.patient_id, say("due {day}", day=_review(line))) for line in found.reviews]
    yield Part(say("Plans to review"), reviews, say("No review is due."))
    yield Part(say("Open"), list(_open(found, now)), say("Nothing is open."))


def _open(found: Gathered, now: datetime) -> Iterator[OnSheet]:
    for line in found.of("offer", "sent", "countered"):
        late = line.due is not None and line.due <= now
        yield OnSheet(line.patient_id, say("offer overdue") if late else say("offer waits for an answer"))
    for line in found.of("placement", "missed"):
        yield OnSheet(line.patient_id, say("missed the first day"))
    for line in found.of("placement", "placed", "started"):
        if line.content.get("seat") is False:
            yield OnSheet(line.patient_id, say("has no seat"))
    for line in found.of("waiting", "waiting"):
        yield OnSheet(line.patient_id, say("waits for a seat"))


def _first(line: Line) -> date:
    return date.fromisoformat(line.content["start_date"])


def _when(first: date, today: date) -> str:
    return say("today") if first == today else say("was {day}: did they come?", day=day(first))


def _last(line: Line) -> str:
    return day(date.fromisoformat(line.content["to"]))


def _review(line: Line) -> str:
    return day(date.fromisoformat(line.content["review_due"]))


def _here(line: Line, came: Iterable[str]) -> str:
    group = say("group {group}", group=line.content["group"]) if "group" in line.content else ""
    return ", ".join(filter(None, (group, say("is here") if line.patient_id in came else "")))


def _away(line: Line, absent: Mapping[str, str]) -> str | None:
    """Why somebody of the program is not there today; None where they are expected."""
    if line.content.get("on_leave"):
        return say("on leave")
    if line.content.get("suspended"):
        return say("at another level of care")
    return say("absent: {why}", why=say(spoken(absent[line.patient_id]))) if line.patient_id in absent else None


def _meets(program: Program, today: date) -> Iterator[str]:
    for hours in program.schedule:
        if _DAYS[today.weekday()] in hours.days:
            yield f"{hours.opens:%H:%M} – {hours.closes:%H:%M}"


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _seats(full: Filled, free_on: date | None) -> dict[str, Any]:
    told = {"free": full.free, "taken": full.taken, "over": full.over}
    return told | {"free_on": day(free_on) if free_on is not None and not full.free else ""}
