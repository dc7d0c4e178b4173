"""A desk: lists of what waits, first things first, each row with what can be done about it. Which lists, rows and forms
there are is for the service to say; who looks at whom is noted there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from shared.clock import Clock
from shared.scope import Scope
from shared.site.config import Site
from shared.storage.database import Connection, Database
from shared.web import requests
from shared.web.auth import Caller
from shared.web.forms import Form, Refused
from shared.web.pages import Notice, Pages
from shared.web.sessions import page_caller
from shared.web.wording import SOON, days_left, time_left

A_FEW, A_PAGE = 5, 25
FILTERS = frozenset({"list", "facility", "cursor"})


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its name in addresses, what people read, and what it is of, which its service knows.

    `urgent`: what entries are called of which the time is over, with their tone. `first`: whether it is on the first
    page too. `also`: older names in addresses.
    """

    name: str
    title: str
    hint: str
    empty: str
    of: Any
    urgent: str = "overdue"
    tone: str = "late"
    first: bool = True
    also: tuple[str, ...] = ()


class Counted(NamedTuple):
    """How many there are, and how many of them are urgent."""

    total: int
    late: int


class Badge(NamedTuple):
    """A few words about time or state; `tone`: late, soon, good, or nothing."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What the page shows of one entry: of a patient, whose name the browser asks for, or of something with a `name`.

    `points`: (whether it speaks for it, what); `taken`: (of how many, how many are) as a bar; `link`: address, words.
    """

    what: str
    badge: Badge
    facility: str
    patient_id: str = ""
    name: str = ""
    details: tuple[str, ...] = ()
    points: tuple[tuple[bool, str], ...] = ()
    taken: tuple[int, int] | None = None
    link: tuple[str, str] | None = None
    forms: tuple[Form, ...] = ()


class Section(NamedTuple):
    """A list as the page shows it; `next`: the cursor of its next page."""

    listing: Listing
    rows: Sequence[Row]
    total: int
    next: str | None = None


class Look(NamedTuple):
    """Who looks, at what of it all, from where on, at how many rows of a list, and when."""

    who: Caller
    scope: Scope
    cursor: str | None
    most: int
    at: datetime


class Source(Protocol):
    """What a service gives to its desk. `readers`: roles that may open it; `filters`: names in its addresses."""

    @property
    def readers(self) -> Sequence[str]: ...

    @property
    def filters(self) -> frozenset[str]: ...

    def lists(self, who: Caller) -> Sequence[Listing]:
        """The lists that somebody may see, in their order."""
        ...

    async def count(self, connection: Connection, listing: Listing, look: Look) -> Counted:
        """How many a list has."""
        ...

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> tuple[Sequence[Row], str | None]:
        """The rows from the cursor on, and the cursor behind them."""
        ...

    async def closer(self, connection: Connection, look: Look, asked: Mapping[str, str]) -> Sequence[Section]:
        """What an address asks for that is no list; nothing where it asks for none."""
        ...


class Desk:
    """The page of a desk."""

    def __init__(self, database: Database, clock: Clock, site: Site, frame: Pages, source: Source) -> None:
        self.database, self.clock, self.site, self.frame, self.source = database, clock, site, frame, source

    async def shown(self, request: Request) -> Response:
        """GET /."""
        who = page_caller(request, *self.source.readers)
        return await self.page(request, who, requests.parameters(request, self.source.filters))

    async def page(
        self,
        request: Request,
        who: Caller,
        asked: Mapping[str, str],
        notice: Notice | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """The page with these filters, a notice on top, and a form that was refused open at its place."""
        lists = self.source.lists(who)
        named = {name: each for each in lists for name in (each.name, *each.also)}
        found = requests.one_of(dict(asked), "list", named)
        chosen = named[found].name if found else None
        scope, most = self._scope(who, asked.get("facility")), A_PAGE if chosen else A_FEW
        look = Look(who, scope, asked.get("cursor") if chosen else None, most, self.clock())
        async with self.database.begin() as connection:
            counts = [(each, await self.source.count(connection, each, look)) for each in lists]
            closer = await self.source.closer(connection, look, asked)
            sections = closer or await self._sections(connection, counts, chosen, look)
        sections = with_refused(sections, refused) if refused else sections
        back = urlencode({name: value for name, value in asked.items() if value})
        given: dict[str, Any] = {
            "who": who,
            "counts": counts,
            "sections": sections,
            "chosen": chosen,
            "closer": bool(closer),
            "facility": asked.get("facility", ""),
            "facilities": facilities_of(self.site, who),
            "back": back,
            "here": f"/?{back}" if refused else "",
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "desk.html", notice.status if notice else 200, **given, **said)

    async def _sections(
        self, connection: Connection, counts: Sequence[tuple[Listing, Counted]], chosen: str | None, look: Look
    ) -> Sequence[Section]:
        """The list that was chosen, else a few rows of every one that has some."""
        wanted = [each for each in counts if (each[0].name == chosen if chosen else each[0].first and each[1].total)]
        found = []
        for listing, count in wanted:
            rows, following = await self.source.rows(connection, listing, look)
            found.append(Section(listing, rows, count.total, following))
        return found

    def _scope(self, who: Caller, facility: str | None) -> Scope:
        if not facility:
            return requests.scope(who)
        known = self.site.facility(facility)
        if known is None:
            raise requests.unfit("facility", "the site has no such facility")
        return Scope(frozenset({known.name} if who.may_see(known.name) else ()))


def with_refused(sections: Sequence[Section], refused: Refused) -> Sequence[Section]:
    """The sections with the form that was refused as it was sent, and open; as they are where it is there no more."""
    found, left = [], True
    for section in sections:
        rows = []
        for row in section.rows:
            own = []
            for form in row.forms:
                fits = left and refused.is_of(form)
                own.append(refused.again(form) if fits else form)
                left = left and not fits
            rows.append(replace(row, forms=tuple(own)))
        found.append(section._replace(rows=rows))
    return found


def may(who: Caller, roles: Sequence[str]) -> bool:
    """Whether somebody may do what these roles do."""
    return bool(who.roles & {*roles, "admin"})


def until(due: datetime, now: datetime) -> Badge:
    """How long there is until an instant."""
    return Badge(time_left(due, now), "late" if due < now else "soon" if due - now < SOON else "")


def by(last: date, now: datetime, zone: tzinfo) -> Badge:
    """How long there is until the end of a day."""
    today = now.astimezone(zone).date()
    days = (last - today).days
    text = "last day today" if days == 0 else days_left(last, today)
    return Badge(text, "late" if days < 0 else "soon" if days <= SOON.days else "")


def facilities_of(site: Site, who: Caller) -> dict[str, str]:
    """Name → title of the facilities that somebody may see, as the page offers them."""
    return {each.name: each.title for each in site.facilities if who.may_see(each.name)}
