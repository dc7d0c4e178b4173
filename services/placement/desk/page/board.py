"""GET /board: every program's seats by level and facility; GET and POST /programs/{program}/capacity: the form by which
a program tells which are out of use, and when it expects some to come free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk import capacity, programs
from services.placement.desk.frame import PROGRAMS, Parts
from services.placement.desk.programs import KnownOfPrograms
from services.placement.worklists import program_views
from services.placement.worklists.glance import level
from services.placement.worklists.lists import EVERYBODY
from shared.errors import InvalidMessage
from shared.events.levels import Level
from shared.site.values import Program
from shared.storage.database import Connection
from shared.web import forms, requests
from shared.web.app import Problem
from shared.web.auth import Caller
from shared.web.pages import Notice, Pages, notice_of
from shared.web.prefix import base
from shared.web.sessions import form, page_caller
from shared.web.wording import day, moment, spoken
from shared.web.words import say

FIELDS: Final[Mapping[str, str]] = {
    "out_of_use.seats": "Seats (none: all)",
    "out_of_use.from": "First day",
    "out_of_use.to": "Last day (none: until told otherwise)",
    "out_of_use.reason": "Why",
    "expected_free.on": "Day",
    "expected_free.seats": "Seats that come free",
}
_BLANK: Final = {"out_of_use": "reason", "expected_free": "seats"}
"""List of the form → a field of the empty entry at its end."""


class BoardRow(NamedTuple):
    """A program on the board. `free_on`: the first day with a seat, in words; `expected`: it rests on an expected end;
    `told`: when the program last told of its seats, in words; `fresh`: that is not long ago."""

    program: Program
    facility: str
    there: int
    held: int
    waiting: int
    over: int
    out: int
    free: int
    free_on: str
    expected: bool
    told: str
    fresh: bool
    may_tell: bool


class Board:
    """Both pages, made of `parts` in the frame of the desk's pages."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Their addresses."""
        at = "/programs/{program}/capacity"
        return [
            Route("/board", self.frame.page(self._board), methods=["GET"]),
            Route(at, self.frame.page(self._shown), methods=["GET"]),
            Route(at, self.frame.page(self._sent), methods=["POST"]),
        ]

    async def _board(self, request: Request) -> Response:
        """Every program of the site: what is free is no secret between its facilities (as in GET /api/programs)."""
        who = page_caller(request, *EVERYBODY)
        requests.parameters(request, ())
        now, every = self.parts.clock(), self.parts.rules.site.programs
        async with self.parts.database.begin() as connection:
            known = await programs.known_of(connection, every, now)
        rows = [self._row(each, known, now, who) for each in every]
        by_level = [(level(one), [row for row in rows if row.program.level == one]) for one in Level]
        told = [(words, found, _sums(found)) for words, found in by_level if found]
        zone = self.parts.rules.zone_of(every[0].facility) if every else None
        return self.frame.render(
            request, "board.html", who=who, levels=told, at=moment(now, zone) if zone else "",
            days=self.parts.rules.site.limits.capacity_days,
        )  # fmt: skip

    def _row(self, program: Program, known: KnownOfPrograms, now: datetime, who: Caller) -> BoardRow:
        parts = self.parts
        places = known.places.get(program.id, [])
        full = programs.filled(program, places, now)
        first = programs.first_day(parts, program, places, now)
        facility = parts.rules.site.facility(program.facility)
        told, state = known.told.get(program.id), capacity.told_by(parts, program, known.told)
        return BoardRow(
            program,
            facility.title if facility else program.facility,
            full.there,
            full.taken - full.there,
            known.waiting.get(program.id, 0),
            full.over,
            full.out_of_use,
            full.free,
            _on(first, now.astimezone(parts.rules.zone_of(program.facility)).date()),
            programs.rests_on_expected(parts, program, places, now, first),
            moment(told.at, parts.rules.zone_of(program.facility)) if told and told.at else "",
            bool(state["fresh"]),
            _may_tell(who, program),
        )

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 404 for a program that is not the reader's."""
        who = page_caller(request, *PROGRAMS)
        requests.parameters(request, ())
        program = capacity.of_the_caller(self.parts, who, request.path_params["program"])
        async with self.parts.database.begin() as connection:
            known = await program_views.told_seats(connection, [program.id])
        state = capacity.told_by(self.parts, program, known)
        return self._form(request, who, program, _asked(_proposed(state)))

    async def _sent(self, request: Request) -> Response:
        """Keep what was told, and show the board; what does not fit is said at its field."""
        who = page_caller(request, *PROGRAMS)
        fields = await form(request)
        program = capacity.of_the_caller(self.parts, who, request.path_params["program"])
        zone = self.parts.rules.zone_of(program.facility)
        try:
            told = requests.read(capacity.ToldCapacity, forms.body_of(capacity.ToldCapacity, fields, zone))
        except (Problem, InvalidMessage) as fault:
            said = notice_of(fault)
            asked = _asked({name: text for name, text in fields.items() if name.split(".")[0] in _BLANK})
            return self._form(request, who, program, _with_faults(asked, fault), said)
        async with self.parts.database.begin() as connection:
            await self._keep(connection, who, program, told)
        return self.frame.lead(f"{base(request)}/board", "capacity-told")

    async def _keep(self, connection: Connection, who: Caller, program: Program, told: capacity.ToldCapacity) -> None:
        await capacity.tell(connection, self.parts, who, program, told)

    def _form(
        self,
        request: Request,
        who: Caller,
        program: Program,
        asked: Sequence[forms.Question],
        notice: Notice | None = None,
    ) -> Response:
        groups = [[one for one in asked if one.name.startswith(f"{name}.")] for name in _BLANK]
        told: dict[str, Any] = {"program": program, "out": _entries(groups[0]), "expected": _entries(groups[1])}
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "capacity.html", notice.status if notice else 200, who=who, **told, **said)


def _sums(rows: Sequence[BoardRow]) -> dict[str, int]:
    return {name: sum(getattr(row, name) for row in rows) for name in ("waiting", "free")}


def _on(first: date | None, today: date) -> str:
    if first is None:
        return say("not known")
    return say("today") if first <= today else day(first)


def _may_tell(who: Caller, program: Program) -> bool:
    return bool(who.roles & {*PROGRAMS, "admin"}) and who.scope.has(program.facility)


def _proposed(state: Mapping[str, Any]) -> dict[str, str]:
    """What was told before as the form's fields."""
    return {
        f"{name}.{place}.{field}": str(value)
        for name in _BLANK
        for place, entry in enumerate(state[name])
        for field, value in entry.items()
    }


def _asked(proposed: Mapping[str, str]) -> tuple[forms.Question, ...]:
    """The form's questions: an entry for each that is proposed, and an empty one after them."""
    every = dict(proposed)
    for name, field in _BLANK.items():
        last = max((int(each.split(".")[1]) for each in proposed if each.startswith(f"{name}.")), default=-1)
        every[f"{name}.{last + 1}.{field}"] = ""
    reasons = {each: spoken(each) for each in get_args(capacity.Reason)}
    asked = forms.questions(
        capacity.ToldCapacity, proposed=every, labels=FIELDS, options={"out_of_use.reason": reasons}
    )
    return tuple(one._replace(required=False) for one in asked)


def _with_faults(asked: Sequence[forms.Question], fault: Exception) -> tuple[forms.Question, ...]:
    """The questions with what is wrong at each."""
    about = fault.more.get("fields", ()) if isinstance(fault, Problem) else ()
    wrong = {str(each["field"]) for each in about} | {getattr(fault, "field", "")}
    return tuple(
        one._replace(wrong=say("this is not as it must be")) if _is_about(one.name, wrong) else one for one in asked
    )


def _is_about(name: str, wrong: set[str]) -> bool:
    return name in wrong or (name.endswith((".to", ".seats")) and name.rpartition(".")[0] in wrong)


def _entries(asked: Sequence[forms.Question]) -> list[list[forms.Question]]:
    """The questions, a list an entry."""
    found: dict[str, list[forms.Question]] = {}
    for one in asked:
        found.setdefault(one.name.rpartition(".")[0], []).append(one)
    return list(found.values())
