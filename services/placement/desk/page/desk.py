"""The coordinators' desk as a page: worklists, the programs for a search, seats, and every POST of the API as a form.

No rule is decided here; shared/web/form_posts.py has how forms are handled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import Any

from starlette.routing import BaseRoute, Route

from services.placement.desk import programs, reading, worklists, writes
from services.placement.desk.api import SUBJECTS
from services.placement.desk.attendance.page import DONE as ATTENDANCE_DONE
from services.placement.desk.attendance.page import AttendancePage
from services.placement.desk.capacity import DONE as CAPACITY_DONE
from services.placement.desk.first_day import FirstDay
from services.placement.desk.frame import Parts, whose_of
from services.placement.desk.marks import TAKERS, PlacementLists
from services.placement.desk.page import wording
from services.placement.desk.page.bills_part import BillsPart
from services.placement.desk.page.board import Board
from services.placement.desk.page.choice_list import ChoiceList
from services.placement.desk.page.gap_report import GapReport
from services.placement.desk.page.huddle import HuddleSheet
from services.placement.desk.page.ready_report import ReadyReport
from services.placement.desk.page.rows import Reader, row_of
from services.placement.desk.page.search import COMPARED, OfSearch, candidate_row, program_row, to_several
from services.placement.desk.page.several import OfferToSeveral
from services.placement.desk.page.undo import undoing
from services.placement.desk.patient.page import BACK, PatientPage, place
from services.placement.desk.whole_packet import PacketPage
from services.placement.engine.views import facts_of
from services.placement.programs.census import Place
from services.placement.worklists import views, work
from services.placement.worklists.lists import CARE, READERS, WORKLISTS, Worklist
from services.placement.worklists.views import Line, ListQuestion
from services.placement.worklists.wording import FactWords, words_of
from services.placement.worklists.work import EntriesOf, PageQuestion, WithheldFacts
from shared.events.levels import WORDS
from shared.scope import Scope
from shared.site.values import Program
from shared.storage import list_counts
from shared.storage.database import Connection
from shared.storage.list_counts import NO_ENTRIES, ListCount
from shared.web import dead_letters, paging, requests
from shared.web.auth import Caller
from shared.web.dead_letters import WithDeadLetters
from shared.web.desk import A_FEW, Desk, Fetched, Look, may
from shared.web.desk import FILTERS as LIST_FILTERS
from shared.web.form_posts import Acts
from shared.web.listing import Counted, Listing, Row, Section
from shared.web.many import DONE, ManyForms, OtherPage
from shared.web.pages import Pages
from shared.web.tables import NOTHING_ASKED, PLAIN, Table

FILTERS = LIST_FILTERS | {"search"}
WRITES = tuple(write for subject in SUBJECTS for write in subject.writes)
_LISTINGS = {subject.listing.kind: subject.listing for subject in SUBJECTS if subject.listing}
_TELLERS = worklists.tellers(_LISTINGS.values())


def pages() -> Pages:
    """The frame of the desk's pages."""
    every = {write.action: wording.DID for write in WRITES}
    done = {**dead_letters.DONE, **wording.DONE, **DONE, **ATTENDANCE_DONE, **CAPACITY_DONE}
    return Pages("Coordinators' desk", {**every, **done}, "placement")


def routes(parts: Parts, made_of: Pages, lists: Sequence[Worklist] = WORKLISTS) -> Sequence[BaseRoute]:
    """The desk's page at `/`, sign-in and sign-out, and a form's address for every write of the API."""
    desk = Desk(parts.database, parts.clock, parts.rules.site, made_of, WithDeadLetters(Placement(parts, lists)))
    patient = PatientPage(parts, made_of, lists)
    attendance = AttendancePage(parts, made_of, SUBJECTS)
    filters, shown = FILTERS | BACK, patient.or_else(desk.page)
    door = writes.door(parts, SUBJECTS)
    acts = Acts(made_of, door, parts.rules.site, filters, shown, wording.FIELD_OF, place, undo=undoing(WRITES))
    own = [
        Route("/", made_of.page(desk.shown), methods=["GET"]),
        Route("/rail", made_of.part(desk.rail), methods=["GET"]),
    ]
    own_acts = {"offer": OfferToSeveral(parts.rules.site, door, WRITES)}
    many = ManyForms(desk, PlacementLists(parts, lists), own_acts, OtherPage(BACK, place, shown))
    of_sheets = (HuddleSheet, ChoiceList, GapReport, ReadyReport, Board, FirstDay, PacketPage, BillsPart)
    sheets_made = [each(parts, made_of) for each in of_sheets]
    sheets = [*attendance.routes(), *(route for each in sheets_made for route in each.routes())]
    inside = [*many.routes(), *sheets, *patient.routes()]
    return [*own, *inside, *acts.routes(WRITES), *dead_letters.routes(desk), *made_of.routes()]


class Placement:
    """Placement's lists and their rows for the shared desk page (shared/web/desk.py, `Source`)."""

    readers = READERS
    takers = TAKERS
    filters = FILTERS

    def __init__(self, parts: Parts, lists: Sequence[Worklist]) -> None:
        self.parts, self._lists = parts, lists

    def lists(self, who: Caller) -> Sequence[Listing]:
        """The lists with a title that this reader's roles may see."""
        return [one.listing for one in self._lists if one.title and may(who, one.on_page or one.readers)]

    def options(self, who: Caller, scope: Scope) -> Mapping[str, Mapping[str, str]]:  # noqa: ARG002
        """The site's payers, the programs in scope, and their levels."""
        site = self.parts.rules.site
        programs = [each for each in site.programs if scope.has(each.facility)]
        levels = {each.level for each in programs}
        return {
            "level": {name: words for name, words in WORDS.items() if name in levels},
            "payer": {each.id: each.title for each in site.payers},
            "program": {each.id: each.title for each in programs},
        }

    async def counts(
        self, connection: Connection, lists: Sequence[Listing], look: Look, chosen: Listing | None = None
    ) -> Mapping[str, Counted]:
        """The counts of all lists, by one query; of the list of programs, how many there are and how many are full."""
        programs_ = next((each for each in lists if each.of.of == "programs"), None)
        every = self._programs(look) if programs_ is not None else []
        plain = _asked(look._replace(asked=NOTHING_ASKED))
        queries = [
            each.of.of.tally(each.name, _asked(look) if each is chosen else plain, each.of.late)
            for each in lists
            if each is not programs_
        ]
        if programs_ is not None:
            queries.append(views.seats_taken(_TAKEN, [each.id for each in every], look.at))
        told = await list_counts.counted(connection, queries)
        found = {each.name: _counted(told[each.name], each is chosen) for each in lists if each is not programs_}
        if programs_ is not None:
            full = sum(told.get(_TAKEN + each.id, NO_ENTRIES).total >= each.capacity for each in every)
            found[programs_.name] = Counted(len(every), full)
        return found

    async def rows(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """A page of rows; who saw which episode is audited."""
        [found] = await self.firsts(connection, [(listing, look)])
        return found

    async def firsts(self, connection: Connection, asked: Sequence[tuple[Listing, Look]]) -> Sequence[Fetched]:
        """The same of several lists: the lines of those of entries by one query, and as few as can be for the rest."""
        of_entries = {each.name: look for each, look in asked if isinstance(each.of.of, EntriesOf)}
        lists = [each for each, _ in asked if each.name in of_entries]
        questions = [_asked(of_entries[each.name]) for each in lists]
        wanted = [each.of.of.page(one, each.of.late) for each, one in zip(lists, questions, strict=True)]
        lines = await views.pages(connection, wanted)
        every = [line for page in lines for line in page]
        rows = iter(await self._told(connection, every, asked[0][1])) if every else iter(())
        found = {
            each.name: Fetched(list(islice(rows, len(page))), *(_cursor(one, line) for line in page[:1] + page[-1:]))
            for each, one, page in zip(lists, questions, lines, strict=True)
        }
        return [found.get(each.name) or await self._others(connection, each, look) for each, look in asked]

    async def _others(self, connection: Connection, listing: Listing, look: Look) -> Fetched:
        """A page of a list that has no entries: programs, or facts that wait for a basis."""
        if not isinstance(listing.of.of, WithheldFacts):
            every = len(self.parts.rules.site.programs) if look.most > A_FEW else A_FEW
            return Fetched(await self._seats(connection, look._replace(most=every), self._reader(look)))
        after = paging.after({"cursor": look.cursor} if look.cursor else {})
        question = ListQuestion(whose_of(look.who, look.scope), look.most + 1, after)
        found = await listing.of.of.lines(connection, question, look.at)
        page, following = paging.page(found, look.most, lambda line: (paging.at(line.at), line.id))
        return Fetched(await self._told(connection, page, look), None, following)

    async def closer(self, connection: Connection, look: Look, asked: Mapping[str, str]) -> Sequence[Section]:
        """One search with its offers and every program, the best first, for readers who may see searches; else
        nothing."""
        if not asked.get("search") or not may(look.who, CARE):
            return ()
        search = await reading.visible(connection, self.parts, _LISTINGS["search"], look.who, asked["search"])
        if search is None:
            raise requests.missing()
        reader = self._reader(look)
        about = ListQuestion(whose_of(look.who, look.scope), 50, episode_id=search.episode_id)
        offers = await _LISTINGS["offer"].lines(connection, self.parts, about)
        mine = [line for line in offers if line.content.get("search_id") == search.id]
        found = [_section("search", "Compare programs", "", await self._told(connection, [search], look, linked=False))]
        waiting = frozenset(str(line.program) for line in mine if line.state in {"sent", "countered"})
        if mine:
            more = {line.id: _of_offer(line, search, waiting) for line in mine}
            found.append(_section("asked", "Asked", "", await self._told(connection, mine, look, more=more)))
        if search.state != "open":
            return found
        kept = [
            line for line in await _LISTINGS["seat"].lines(connection, self.parts, about) if _is_kept(line, look.at)
        ]
        if kept:
            found.append(_section("kept", "Seats kept", "", await self._told(connection, kept, look)))
        waits = await _LISTINGS["waiting"].lines(connection, self.parts, replace(about, state="waiting"))
        known = OfSearch(waiting, *(frozenset(str(line.program) for line in group) for group in (waits, kept)))
        return [*found, *await self._candidates(connection, search, reader, known)]

    async def _candidates(
        self, connection: Connection, search: Line, reader: Reader, known: OfSearch
    ) -> Sequence[Section]:
        """Two sections: the programs that suit the search, and those that do not, each with what it fails."""
        places = await programs.everybody(connection, self.parts, reader.at)
        been = await programs.been_at(connection, search, reader.who)
        site = self.parts.rules.site
        found: dict[bool, list[Row]] = {True: [], False: []}
        for one in programs.ranked(self.parts, search, places, reader.at, been):
            if (program := site.program(one.program)) is not None:
                row = candidate_row(
                    one, program, places.get(one.program, ()), search=search, reader=reader, known=known
                )
                found[one.fits].append(row)
        none = "No program of the site meets all that has to be so."
        return [
            _section(
                "programs", "Programs that suit", "The best first, by what is preferred.", found[True], none,
                table=COMPARED,
            )._replace(many=to_several(search, reader)),
            _section(
                "others", "Programs that do not suit", "Who fails least, at the nearest level.", found[False],
                table=COMPARED,
            ),
        ]  # fmt: skip

    async def _seats(self, connection: Connection, look: Look, reader: Reader) -> list[Row]:
        """Every program with its seats; where only a few rows are asked for, the fullest."""
        places = await programs.everybody(connection, self.parts, look.at)
        every = self._programs(look)
        if len(every) > look.most:
            part = {p.id: programs.filled(p, places.get(p.id, ()), look.at).taken / p.capacity for p in every}
            every = sorted(every, key=lambda p: -part[p.id])[: look.most]
        return [program_row(p, places.get(p.id, ()), self._free_on(p, places, look.at), reader) for p in every]

    def _free_on(self, program: Program, places: Mapping[str, Sequence[Place]], at: datetime) -> date | None:
        return programs.first_day(self.parts, program, places.get(program.id, ()), at)

    async def _told(
        self,
        connection: Connection,
        lines: Sequence[Line],
        look: Look,
        *,
        linked: bool = True,
        more: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> list[Row]:
        """Lines as rows, with what the API shows of them; `more`: line id → what only the page shows."""
        if not lines:
            return []
        reader, kinds = self._reader(look), defaultdict[str, set[str]](set)
        for line in lines:
            kinds[line.kind].add(line.episode_id)
        bodies = await reading.told_each(connection, self.parts, _TELLERS, lines, look.who)
        await reading.noted_each(connection, self.parts, look.who, lines)
        if of_facts := kinds["conflict"] | kinds["ineffective"] | kinds["leftover"]:
            reader = replace(reader, facts=await self._facts(connection, sorted(of_facts)))
        homes = await views.homes(connection, kinds["plan"]) if kinds["plan"] else {}
        told = [
            body | ({"at_home": homes.get(line.episode_id) == line.facility} if line.kind == "plan" else {})
            for line, body in zip(lines, bodies, strict=True)
        ]
        if more:
            told = [body | dict(more.get(line.id, {})) for line, body in zip(lines, told, strict=True)]
        return [row_of(line, body, reader, linked=linked) for line, body in zip(lines, told, strict=True)]

    async def _facts(self, connection: Connection, episodes: Sequence[str]) -> dict[str, FactWords]:
        """ce_id → the fact in words, for every fact of these episodes."""
        found = await facts_of(connection, episodes)
        return {fact.id: words_of(fact, self.parts.rules) for group in found.values() for fact in group}

    def _reader(self, look: Look) -> Reader:
        writes = {write.path: write for write in WRITES}
        return Reader(look.at, self.parts.rules.site, look.who, writes, reader=look.zone, team=look.team)

    def _programs(self, look: Look) -> list[Program]:
        every = self.parts.rules.site.programs
        return [p for p in every if look.scope.has(p.facility)]


_TAKEN = "taken "
"""Before a program's id: the name under which its seats that are taken are counted."""


def _counted(one: ListCount, chosen: bool) -> Counted:
    """The numbers of a list as the page takes them."""
    return Counted(one.total, one.late, one.found, one.ahead) if chosen else Counted(one.total, one.late)


def _asked(look: Look) -> PageQuestion:
    """What is asked of a list, for SQL. Raises a 422 Problem for a bad cursor."""
    asked, back = look.asked, look.asked.before is not None
    text = asked.before if back else asked.cursor
    place = paging.after({"cursor": text} if text else {})
    order = asked.sort or "waiting"
    return PageQuestion(
        whose_of(look.who, look.scope), look.at, look.most, order, asked.down, place, back, asked.filters,
        look.who.subject, asked.ids,
    )  # fmt: skip


def _cursor(asked: PageQuestion, line: Line) -> str:
    """The place of a line in the order that is asked for."""
    return paging.cursor(paging.at(work.sorted_by(asked.order, line)), line.id)


def _section(
    name: str, title: str, hint: str, rows: Sequence[Row], empty: str = "There is none.", *, table: Table = PLAIN
) -> Section:
    bulk = ("offer",) if any(row.key and row.name for row in rows) else ()
    return Section(Listing(name, title, hint, empty, None, bulk=bulk, table=table), rows, len(rows))


def _of_offer(line: Line, search: Line, waiting: frozenset[str]) -> dict[str, bool]:
    return {"search_open": search.state == "open", "asked_again": line.program in waiting}


def _is_kept(line: Line, now: datetime) -> bool:
    """True for a seat that is held without a placement, now or later."""
    return line.state == "held" and ("until" not in line.content or datetime.fromisoformat(line.content["until"]) > now)
