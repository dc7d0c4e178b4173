"""The follow-up desk: lists that matter first, and every move of the API as a form on its row (contract 6).

It decides nothing: see shared/acting.py for what its forms do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare import views
from services.aftercare.handlers import Rules
from services.aftercare.web import lists, rows, words, writing
from services.aftercare.web.lists import LISTS, Listing
from services.aftercare.web.reading import READERS
from services.aftercare.web.writing import WRITERS, WRITES
from shared import audit
from shared.acting import Acts
from shared.api import asking, paging
from shared.auth import Caller
from shared.db import Connection, Database
from shared.pages import Notice, Pages
from shared.signing_in import page_caller

A_FEW, A_PAGE = 5, 25
FILTERS = frozenset({"list", "facility", "cursor"})


def pages(intake: str | None) -> Pages:
    """The desk's frame; `intake`: where browsers ask who patients are."""
    return Pages("Follow-up desk", Path(__file__).parent / "templates", intake, words.DONE)


def routes(database: Database, rules: Rules, frame: Pages) -> Sequence[BaseRoute]:
    """`/`, sign-in, and a form's address for every write of the API."""
    desk = Desk(database, rules, frame)
    acts = Acts(frame, writing.door(database, rules), rules.site, FILTERS, desk.page)
    return [Route("/", frame.page(desk.shown), methods=["GET"]), *acts.routes(WRITES), *frame.routes()]


class Section(NamedTuple):
    """A list as the page shows it."""

    listing: Listing
    rows: Sequence[rows.Row]
    total: int
    next: str | None


class Asked(NamedTuple):
    """Who looks, of which facilities, from where on, and at how many rows of each list."""

    who: Caller
    facilities: lists.Facilities
    cursor: str | None
    most: int


class Desk:
    """The page, and what its forms do."""

    def __init__(self, database: Database, rules: Rules, frame: Pages) -> None:
        self.database, self.rules, self.frame = database, rules, frame

    async def shown(self, request: Request) -> Response:
        """GET /."""
        who = page_caller(request, *READERS)
        return await self.page(request, who, asking.parameters(request, FILTERS))

    async def page(
        self, request: Request, who: Caller, asked: Mapping[str, str], notice: Notice | None = None
    ) -> Response:
        """The page with these filters, and a notice on top."""
        name = asking.one_of(dict(asked), "list", LISTS)
        of = Asked(who, self._scope(who, asked.get("facility")), asked.get("cursor"), A_PAGE if name else A_FEW)
        now = self.rules.clock()
        async with self.database.begin() as connection:
            counts = [(each, await lists.count(connection, each, of.facilities, now)) for each in LISTS.values()]
            wanted = [each for each in counts if (each[0].name == name if name else each[0].first and each[1].total)]
            sections = [await self._section(connection, each, count, of) for each, count in wanted]
        given: dict[str, Any] = {
            "who": who,
            "counts": counts,
            "sections": sections,
            "chosen": name,
            "facility": asked.get("facility", ""),
            "facilities": [each.name for each in self.rules.site.facilities if who.may_see(each.name)],
            "back": urlencode({key: value for key, value in asked.items() if value}),
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "desk.html", notice.status if notice else 200, **given, **said)

    async def _section(self, connection: Connection, listing: Listing, count: views.Counted, asked: Asked) -> Section:
        now, most = self.rules.clock(), asked.most
        found = await lists.rows(connection, listing, asked.facilities, asked.cursor, most + 1)
        page, more = paging.page(found, most, lists.place)
        seen = [audit.Entry(now, asked.who.subject, f"{listing.name}-looked-at", row["episode_id"]) for row in page]
        await audit.note(connection, seen)
        may_act = bool(asked.who.roles & {*WRITERS, "admin"})
        shown = [
            rows.row_of(row, rows.Now(now, self.rules.site.zone(row["facility"])), may_act=may_act) for row in page
        ]
        return Section(listing, shown, count.total, more)

    def _scope(self, who: Caller, facility: str | None) -> lists.Facilities:
        if not facility:
            return asking.scope(who)
        known = self.rules.site.facility(facility)
        if known is None:
            raise asking.unfit("facility", "the site has no such facility")
        return frozenset({known.name} if who.may_see(known.name) else ())
