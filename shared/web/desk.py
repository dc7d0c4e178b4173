"""A desk's page: lists of what waits, the most urgent first, each row with the forms for what can be done about it.

Which lists, rows and forms there are is said by the service (`Source`), which also audits who looked at which episode.
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
from shared.web.prefix import base
from shared.web.sessions import page_caller
from shared.web.wording import SOON, days_left, time_left

A_FEW, A_PAGE = 5, 25
"""Rows of a list on the page of all lists, and on its own page."""
FILTERS = frozenset({"list", "facility", "cursor"})


@dataclass(frozen=True, slots=True)
class Listing:
    """One list: its `name` in addresses, its title, a hint, a sentence for when it is `empty`, and `of`: its service's
    own description of the entries.

    `urgent`: the word for entries whose time is over, shown in this `tone` (see Badge). `first`: also shown on the page
    of all lists. `also`: older names in addresses.
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
    """How many entries a list has, and how many of them are urgent."""

    total: int
    late: int


class Badge(NamedTuple):
    """A few words about time or state. `tone`, which the style sheet colours: late, soon, good, or empty."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as the page shows it: about a patient, whose name the browser asks intake for, or about something that
    has a `name`.

    `points`: (True where it speaks for the entry, words); `taken`: (how many there are, how many of them are taken),
    drawn as a bar; `link`: (address in this service, words).
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
    """A list with the rows that the page shows of it. `total`: how many it has; `next`: the cursor of the next page."""

    listing: Listing
    rows: Sequence[Row]
    total: int
    next: str | None = None


class Look(NamedTuple):
    """Who looks, at which facilities (`scope`), from which cursor on, at how many rows of a list at `most`, and
    when."""

    who: Caller
    scope: Scope
    cursor: str | None
    most: int
    at: datetime


class Source(Protocol):
    """What a service gives to its desk. `readers`: the roles that may open it; `filters`: the names of the parameters
    that its address may have."""

    @property
    def readers(self) -> Sequence[str]: ...

    @property
    def filters(self) -> frozenset[str]: ...

    def lists(self, who: Caller) -> Sequence[Listing]:
        """The lists that this caller may see, in the order in which they are shown."""
        ...

    async def count(self, connection: Connection, listing: Listing, look: Look) -> Counted:
        """How many entries a list has, and how many of them are urgent."""
        ...

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> tuple[Sequence[Row], str | None]:
        """(Rows from the look's cursor on, the cursor of the next page or None). Raises a 422 Problem for a bad
        cursor."""
        ...

    async def closer(self, connection: Connection, look: Look, asked: Mapping[str, str]) -> Sequence[Section]:
        """What the address asks for instead of lists, such as one episode; empty where it asks for lists."""
        ...


class Desk:
    """The page of a desk, made of what its `source` gives."""

    def __init__(self, database: Database, clock: Clock, site: Site, frame: Pages, source: Source) -> None:
        self.database, self.clock, self.site, self.frame, self.source = database, clock, site, frame, source

    async def shown(self, request: Request) -> Response:
        """GET / of a desk. Raises NotSignedIn, a 403 Problem for another role, a 422 Problem for bad parameters."""
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
        """The page with these parameters, a notice on top, and a form that was refused, open in its row."""
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
            "here": f"{base(request)}/?{back}" if refused else "",
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "desk.html", notice.status if notice else 200, **given, **said)

    async def _sections(
        self, connection: Connection, counts: Sequence[tuple[Listing, Counted]], chosen: str | None, look: Look
    ) -> Sequence[Section]:
        """The list that was chosen; without one, a few rows of every list that has any."""
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
    """The sections with the refused form open and filled in as it was sent; unchanged where that form is gone. Only the
    first form that fits is opened."""
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
    """True for a caller with one of these roles, or admin."""
    return bool(who.roles & {*roles, "admin"})


def until(due: datetime, now: datetime) -> Badge:
    """How long it is until an instant: `late` once it is over, `soon` in the two days before it (SOON)."""
    return Badge(time_left(due, now), "late" if due < now else "soon" if due - now < SOON else "")


def by(last: date, now: datetime, zone: tzinfo) -> Badge:
    """How many days it is until a last day in this zone: `late` once it is over, `soon` from two days before (SOON)."""
    today = now.astimezone(zone).date()
    days = (last - today).days
    text = "last day today" if days == 0 else days_left(last, today)
    return Badge(text, "late" if days < 0 else "soon" if days <= SOON.days else "")


def facilities_of(site: Site, who: Caller) -> dict[str, str]:
    """Name → title of the facilities that this caller may see, for the page's choice of a facility."""
    return {each.name: each.title for each in site.facilities if who.may_see(each.name)}
