"""A desk's page: a rail of lists by whose work they are, and one list as a table, or a few rows of each ("Today").

Which lists, rows and forms there are is said by the service (`Source`), which also audits who looked at which episode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from shared.clock import Clock
from shared.scope import Scope
from shared.site.config import Site
from shared.storage import saved_views
from shared.storage.database import Connection, Database
from shared.storage.desk_people import Person
from shared.storage.exits import WHO_MAY
from shared.web import requests
from shared.web.at_work import at_work
from shared.web.auth import Caller
from shared.web.desks import desks_of, opens
from shared.web.forms import Refused
from shared.web.listing import Counted, Listing, Row, Section
from shared.web.marks import REASONS, Team
from shared.web.pages import Notice, Pages
from shared.web.prefix import base
from shared.web.sessions import page_caller
from shared.web.table_questions import question
from shared.web.tables import NOTHING_ASKED, PARAMETERS, TableQuestion
from shared.web.words import say
from shared.web.zones import reading_zone

A_FEW, A_PAGE = 5, 25
"""Rows of a list on the page of all lists, and on its own page."""
FILTERS = PARAMETERS


class Fetched(NamedTuple):
    """Rows of a list, with the cursors of the first and the last of them; None where the list is not shown in pages."""

    rows: Sequence[Row]
    first: str | None = None
    last: str | None = None


class Look(NamedTuple):
    """Who looks, at which facilities (`scope`), from which cursor on, at how many rows of a list at `most`, and when;
    what is asked of the list, in which zone instants are told (None: in the facility's), and what colleagues are
    called."""

    who: Caller
    scope: Scope
    cursor: str | None
    most: int
    at: datetime
    asked: TableQuestion = NOTHING_ASKED
    zone: tzinfo | None = None
    team: Team = Team("", {})


class Source(Protocol):
    """What a service gives to its desk. `readers`: the roles that may open it, `takers`: those that may take entries;
    `filters`: the names of the parameters that its address may have."""

    @property
    def readers(self) -> Sequence[str]: ...

    @property
    def takers(self) -> Sequence[str]: ...

    @property
    def filters(self) -> frozenset[str]: ...

    def lists(self, who: Caller) -> Sequence[Listing]:
        """The lists that this caller may see, in the order in which they are shown."""
        ...

    def options(self, who: Caller, scope: Scope) -> Mapping[str, Mapping[str, str]]:
        """Filter → the values that may be chosen, with their words."""
        ...

    async def counts(
        self, connection: Connection, lists: Sequence[Listing], look: Look, chosen: Listing | None = None
    ) -> Mapping[str, Counted]:
        """Name of list → its counts, for each of these lists; of the `chosen` one also as filters and place ask."""
        ...

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """A page of rows. Raises a 422 Problem for a bad cursor."""
        ...

    async def firsts(self, connection: Connection, asked: Sequence[tuple[Listing, Look]]) -> Sequence[Fetched]:
        """The same of several lists, in their order."""
        ...

    async def closer(self, connection: Connection, look: Look, asked: Mapping[str, str]) -> Sequence[Section]:
        """What the address asks for instead of lists, such as one episode; empty where it asks for lists."""
        ...


class DeskQuestion(NamedTuple):
    """What an address asks of a desk: the reader's lists, the one that is chosen (None: none), what is asked of it,
    filter → the values that may be chosen with their words, and the facilities that are shown."""

    lists: Sequence[Listing]
    chosen: Listing | None
    wanted: TableQuestion
    options: Mapping[str, Mapping[str, str]]
    scope: Scope


class Address(dict[str, str]):
    """The parameters of the page's address, for templates: one that is absent is empty."""

    def __missing__(self, name: str) -> str:
        return ""

    def but(self, **more: str) -> Address:
        """The same with these; empty ones are left out."""
        return Address({name: value for name, value in {**self, **more}.items() if value})

    def only(self, *names: str) -> Address:
        """The same with no others than these."""
        return Address({name: value for name, value in self.items() if name in names})


class OnlyLists:
    """A source whose desk has no views other than lists, and that reads each list by itself."""

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """A page of rows."""
        raise NotImplementedError

    async def firsts(self, connection: Connection, asked: Sequence[tuple[Listing, Look]]) -> Sequence[Fetched]:
        """Pages of several lists."""
        return [await self.rows(connection, listing, look) for listing, look in asked]

    async def closer(
        self,
        connection: Connection,  # noqa: ARG002
        look: Look,  # noqa: ARG002
        asked: Mapping[str, str],  # noqa: ARG002
    ) -> Sequence[Section]:
        """Empty."""
        return ()


class Desk:
    """The page of a desk, made of what its `source` gives."""

    def __init__(self, database: Database, clock: Clock, site: Site, frame: Pages, source: Source) -> None:
        self.database, self.clock, self.site, self.frame, self.source = database, clock, site, frame, source

    async def shown(self, request: Request) -> Response:
        """GET / of a desk. Behind one host, who opens another one is led there. Raises NotSignedIn, a 403 Problem for a
        role without one, a 422 Problem for bad parameters."""
        who = page_caller(request)
        other = [] if opens(who, self.source.readers) or request.query_params else desks_of(who)
        if base(request) and other:
            return self.frame.lead(f"/{other[0]}/")
        who = page_caller(request, *self.source.readers)
        return await self.page(request, who, requests.parameters(request, self.source.filters))

    async def rail(self, request: Request) -> Response:
        """GET /rail: this desk's part of the rail, for the pages of the other services."""
        who = page_caller(request, *self.source.readers)
        requests.parameters(request, ())
        lists, look = self.source.lists(who), Look(who, requests.scope(who), None, 0, self.clock())
        async with self.database.begin() as connection:
            counts = await self.source.counts(connection, lists, look)
            views = await saved_views.of(connection, who.subject)
        told: dict[str, Any] = {"counts": _with(lists, counts), "views": views}
        return self.frame.render(request, "rail.html", chosen=None, kept=Address(), back="", **told)

    def question(self, who: Caller, asked: Mapping[str, str]) -> DeskQuestion:
        """What an address asks of this desk, for this reader. Raises a 422 Problem for what it does not have."""
        lists = self.source.lists(who)
        named = {name: each for each in lists for name in (each.name, *each.also)}
        found = requests.one_of(dict(asked), "list", named)
        chosen = named[found] if found else None
        wanted = question(asked, chosen.table if chosen else None)
        options = {"facility": facilities_of(self.site, who), **self.source.options(who, requests.scope(who))}
        for name in wanted.filters.keys() & options.keys():
            requests.one_of(dict(wanted.filters), name, options[name])
        return DeskQuestion(lists, chosen, wanted, options, self._scope(who, asked.get("facility")))

    async def page(
        self,
        request: Request,
        who: Caller,
        asked: Mapping[str, str],
        notice: Notice | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """The page with these parameters, a notice on top, and a form that was refused, open in its row."""
        lists, chosen, wanted, options, scope = self.question(who, asked)
        most = A_PAGE if chosen else A_FEW
        look = Look(who, scope, wanted.cursor, most, self.clock(), wanted, reading_zone(request))
        async with self.database.begin() as connection:
            people, views = await at_work(connection, who, look.at)
            look = look._replace(team=team_of(people, who))
            counts = await self.source.counts(connection, lists, look, chosen)
            closer = await self.source.closer(connection, look, asked)
            sections = closer or await self._sections(connection, lists, counts, chosen, look)
        if refused:
            sections = with_open(sections, refused)
        elif asked.get("open"):
            sections = with_open(sections, asked["open"])
        given = {name: value for name, value in asked.items() if value and name != "open"}
        back = urlencode(given)
        told: dict[str, Any] = {
            "who": who,
            "counts": _with(lists, counts),
            "sections": sections,
            "chosen": chosen,
            "closer": bool(closer),
            "asked": Address(given),
            "wanted": wanted,
            "kept": Address(given).only("facility", "density"),
            "facilities": options["facility"],
            "options": options,
            "back": back,
            "here": f"{base(request)}/?{back}" if refused or (notice and notice.failed) else "",
            "views": views,
            "takes": may(who, self.source.takers),
            "exports": may(who, WHO_MAY["export"]),
            "colleagues": {
                each: one.called for each, one in people.items() if one.roles & {*self.source.takers, "admin"}
            },
            "snooze_reasons": REASONS,
            "heading": _heading(chosen, sections, closer=bool(closer)),
            "late": sum(each.late for each in counts.values()),
        }
        said = {"notice": notice} if notice else {}
        return self.frame.render(request, "desk.html", notice.status if notice else 200, **told, **said)

    async def _sections(
        self,
        connection: Connection,
        lists: Sequence[Listing],
        counts: Mapping[str, Counted],
        chosen: Listing | None,
        look: Look,
    ) -> Sequence[Section]:
        """The list that was chosen; without one, a few rows of every list that has any."""
        if chosen is not None:
            return [await self._chosen(connection, chosen, counts[chosen.name], look)]
        shown = [each for each in lists if each.first and counts[each.name].total]
        asked = [(each, look._replace(asked=replace(look.asked, sort=each.table.sort))) for each in shown]
        fetched = await self.source.firsts(connection, asked)
        return [Section(one, rows, counts[one.name].total) for one, (rows, *_) in zip(shown, fetched, strict=True)]

    async def _chosen(self, connection: Connection, listing: Listing, count: Counted, look: Look) -> Section:
        """A page of the list. A page before the first one is the first one."""
        asked = look.asked
        if asked.before is not None and count.ahead <= look.most:
            look = look._replace(asked=replace(asked, before=None, cursor=None), cursor=None)
            count = count._replace(ahead=0)
        fetched = await self.source.rows(connection, listing, look)
        total = count.total if count.found is None else count.found
        skipped = max(0, count.ahead - look.most) if look.asked.before is not None else count.ahead
        more = fetched.last is not None and skipped + len(fetched.rows) < total
        return Section(
            listing,
            fetched.rows,
            total,
            skipped,
            {"cursor": fetched.last or ""} if more else {},
            {"before": fetched.first or ""} if skipped and fetched.first else {},
        )

    def address(self, asked: Mapping[str, str]) -> str:
        """The page with these parameters, below the prefix."""
        return "/" + (f"?{urlencode(asked)}" if asked else "")

    def _scope(self, who: Caller, facility: str | None) -> Scope:
        if not facility:
            return requests.scope(who)
        known = self.site.facility(facility)
        if known is None:
            raise requests.unfit("facility", "the site has no such facility")
        return Scope(frozenset({known.name} if who.may_see(known.name) else ()))


def team_of(people: Mapping[str, Person], who: Caller) -> Team:
    """What colleagues are called on this reader's page."""
    return Team(who.subject, {each: one.called for each, one in people.items()})


async def at_work_of(connection: Connection, look: Look) -> Look:
    """A look that knows what colleagues are called."""
    people, _ = await at_work(connection, look.who, look.at)
    return look._replace(team=team_of(people, look.who))


def _with(lists: Sequence[Listing], counts: Mapping[str, Counted]) -> Sequence[tuple[Listing, Counted]]:
    return [(each, counts[each.name]) for each in lists]


def _heading(chosen: Listing | None, sections: Sequence[Section], *, closer: bool) -> str:
    """The page's title: `To be placed (18)`."""
    if chosen is not None:
        return f"{say(chosen.title)} ({sections[0].total})" if chosen.counted else say(chosen.title)
    return say(sections[0].listing.title) if closer else say("Today")


def with_open(sections: Sequence[Section], which: Refused | str) -> Sequence[Section]:
    """The sections with one form open: a refused one, filled in as it was sent, or the one with this place; unchanged
    where that form is gone. Only the first form that fits is opened."""
    found, left = [], True
    for section in sections:
        rows = []
        for row in section.rows:
            own = []
            for form in row.forms:
                fits = left and (form.place == which if isinstance(which, str) else which.is_of(form))
                opened = form._replace(open=True) if isinstance(which, str) else which.again(form)
                own.append(opened if fits else form)
                left = left and not fits
            rows.append(replace(row, forms=tuple(own)))
        found.append(section._replace(rows=rows))
    return found


def may(who: Caller, roles: Sequence[str]) -> bool:
    """True for a caller with one of these roles, or admin."""
    return bool(who.roles & {*roles, "admin"})


def facilities_of(site: Site, who: Caller) -> dict[str, str]:
    """Name → title of the facilities that this caller may see, for the page's choice of a facility."""
    return {each.name: each.title for each in site.facilities if who.may_see(each.name)}
