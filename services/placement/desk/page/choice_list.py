"""GET /searches/{id}/choices: the programs that suit, in plain words, for the patient: one page to print and talk over
(42 CFR 482.43(c): the hospital gives the list, and says that the choice is the patient's). Each look is audited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk import programs, reading
from services.placement.desk.frame import Parts, whose_of
from services.placement.desk.packets import why
from services.placement.desk.page.search import meets
from services.placement.desk.searches import LISTING
from services.placement.search.matching import Candidate
from services.placement.worklists import views
from services.placement.worklists.glance import inside, level
from services.placement.worklists.lists import CARE
from services.placement.worklists.views import Line, ListQuestion
from shared.events.levels import Level
from shared.site.config import Site
from shared.site.values import Program
from shared.storage.database import Connection
from shared.web import requests, words
from shared.web.auth import Caller
from shared.web.pages import Pages
from shared.web.sessions import page_caller
from shared.web.wording import dated, day, language_of, listed, spoken
from shared.web.words import say, say_count

MOST: Final = 100
"""Offers of a search that are looked at."""
_SAID: Final[Mapping[str, str]] = {
    "sent": "we asked them, and wait for their answer",
    "countered": "they proposed another day",
    "accepted": "they would take you",
    "declined": "they cannot take you now",
    "expired": "they did not answer",
}
"""State of an offer → what the patient reads of it; one that was withdrawn is not told."""


class ProgramChoice(NamedTuple):
    """One program as a patient reads it. `facts`: what it is, when it meets, from when; `asked`: what became of asking
    it; `chosen`: it took the patient."""

    title: str
    place: str
    facts: Sequence[str]
    asked: str
    chosen: bool


class ChoiceList:
    """The list of every search in its reader's scope."""

    def __init__(self, parts: Parts, frame: Pages) -> None:
        self.parts, self.frame = parts, frame

    def routes(self) -> Sequence[BaseRoute]:
        """Its address."""
        return [Route("/searches/{id}/choices", self.frame.page(self._shown), methods=["GET"])]

    async def _shown(self, request: Request) -> Response:
        """Raises NotSignedIn, a 403 Problem for another role, 404 for a search that is not in scope, 422 for another
        parameter than `language`."""
        who = page_caller(request, *CARE)
        asked = requests.parameters(request, ("language",))
        spoken_here = requests.one_of(asked, "language", words.LANGUAGES) or words.language()
        async with self.parts.database.begin() as connection:
            search = await reading.visible(connection, self.parts, LISTING, who, request.path_params["id"])
            if search is None:
                raise requests.missing()
            suiting, offers = await self._gathered(connection, search, who)
            await reading.noted(connection, self.parts, who, "choices-looked-at", [search])
        with words.speaking(spoken_here):
            return self.frame.render(request, "choices.html", who=who, **self._told(search, suiting, offers))

    async def _gathered(
        self, connection: Connection, search: Line, who: Caller
    ) -> tuple[Sequence[Candidate], Sequence[Line]]:
        """The programs that suit, and the search's offers."""
        now = self.parts.clock()
        about = ListQuestion(whose_of(who, who.scope), MOST, episode_id=search.episode_id)
        every = await views.lines(connection, "offer", about)
        places = await programs.everybody(connection, self.parts, now)
        been = await programs.been_at(connection, search, who)
        found = programs.ranked(self.parts, search, places, now, been)
        offers = [line for line in every if line.content.get("search_id") == search.id and line.state in _SAID]
        asked = {line.program for line in offers}
        return [one for one in found if one.fits or one.program in asked], offers

    def _told(self, search: Line, found: Sequence[Candidate], offers: Sequence[Line]) -> dict[str, Any]:
        site, now = self.parts.rules.site, self.parts.clock()
        states = {line.program: line.state for line in offers}
        today = now.astimezone(site.zone(search.facility)).date()
        chosen = [
            _choice(program, one, states.get(one.program), site, today)
            for one in found
            if (program := site.program(one.program)) is not None
        ]
        facility = site.facility(search.facility)
        return {
            "patient_id": search.patient_id,
            "level": inside(level(search.content["recommended_level"])),
            "why": why(search.content.get("reasons", ()), site),
            "choices": chosen,
            "facility": facility.title if facility else search.facility,
            "day": dated(today, date.min),
            "languages": words.NAMES,
            "spoken": words.language(),
            "search_id": search.id,
        }


def _choice(program: Program, one: Candidate, state: str | None, site: Site, today: date) -> ProgramChoice:
    place = site.facility(program.facility)
    facts = (
        level(Level(program.level)),
        listed([spoken(each) for each in program.modes]),
        "; ".join(map(meets, program.schedule)),
        say("about {hours} hours a week", hours=f"{program.hours_week:g}") if program.hours_week else "",
        say("languages: {languages}", languages=", ".join(map(language_of, program.languages))),
        _from(one.free_on, today),
        say("you were there before") if any(reason.rule == "continuity" for reason in one.reasons) else "",
    )
    said = say(_SAID[state]) if state is not None else ""
    return ProgramChoice(
        program.title, place.title if place else program.facility, tuple(filter(None, facts)), said, state == "accepted"
    )


def _from(free_on: date | None, today: date) -> str:
    if free_on is None:
        return say("no free place is known")
    days = (free_on - today).days
    return (
        say("a place is free now")
        if days <= 0
        else say_count(
            "a place is free in {count} day, on {day}",
            "a place is free in {count} days, on {day}",
            days,
            day=day(free_on),
        )
    )
