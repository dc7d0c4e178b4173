"""Everything that a patient's page shows of one episode, read at one instant by a constant number of queries.

What is shown of the past is made of the facts that were recorded by then, by the functions that the present is made by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as with_fields
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from services.placement.billing.model import SentPeriod
from services.placement.continuum.fold import fold
from services.placement.desk import api, reading, worklists
from services.placement.desk.episodes import zone_of_row
from services.placement.desk.frame import Parts, whose_of
from services.placement.desk.page.rows import Reader, row_of
from services.placement.desk.patient import past, views
from services.placement.desk.patient.acts import acts_of
from services.placement.desk.patient.benefits import rows_of
from services.placement.desk.patient.bills import BillChange, history
from services.placement.desk.patient.sight import seen
from services.placement.engine import views as episodes
from services.placement.engine.views import Stored
from services.placement.engine.visible import Part
from services.placement.gate import views as gate
from services.placement.search.searches import DeskFacts
from services.placement.worklists import views as lists_views
from services.placement.worklists.entries import entries
from services.placement.worklists.lists import CARE, DISCLOSING, EVERYBODY, REVIEWING, Worklist
from services.placement.worklists.views import Line, ListQuestion
from services.placement.worklists.wording import FactWords, words_of
from services.placement.worklists.work import EntriesOf
from shared.facts.envelope import Fact
from shared.storage.database import Connection
from shared.values import value_object
from shared.web.auth import Caller
from shared.web.desk import may
from shared.web.listing import Row
from shared.web.marks import Team

WRITES: Final = tuple(write for subject in api.SUBJECTS for write in subject.writes)
_LISTINGS = {subject.listing.kind: subject.listing for subject in api.SUBJECTS if subject.listing}
_TELLERS = worklists.tellers(_LISTINGS.values())
_ACTIONS = frozenset(write.action for write in WRITES)
MOST_DISCLOSURES, MOST_SEATS, MOST_SESSIONS = 50, 20, 30
ALL_SESSIONS = 10_000
"""More sessions than an episode has; the latest ones are shown."""
_NOT_WAITING = frozenset({"closed", "last-covered-day", "started", "waiting"})
"""Names of worklists whose entries wait for nobody."""
_MORE_READERS = {
    "plan": REVIEWING,
    "ineffective": CARE,
    "arrival": EVERYBODY,
    "leaving": CARE,
    "ready": CARE,
    "proposal": CARE,
}
_READERS = {kind: each.readers for kind, each in _LISTINGS.items()} | _MORE_READERS
"""Kind of entry → who sees it; a kind that nobody sees is not among them: a stay of daily visits is seen as a stay."""


@value_object
class EpisodeFile:
    """One episode as a reader sees it. `part`: the facts in sight of the time in question, and their fold; `at`: the
    instant that counts as now, in `zone`.

    `waiting`: rows of what waits, the late first, each with the title of its list; `others`: kind → the other rows;
    `acts`: section of the page → what can be done of the whole episode.
    `periods`: as billing has them (`as_billed`), else as the facts in sight give them.
    """

    row: Stored
    part: Part
    at: datetime
    zone: ZoneInfo
    waiting: Sequence[tuple[str, Row]]
    others: Mapping[str, Sequence[Row]]
    acts: Mapping[str, Row]
    used: Mapping[str, tuple[int, int | None]]
    periods: Sequence[SentPeriod]
    as_billed: bool
    changes: Sequence[BillChange]
    actors: Mapping[datetime, str]
    disclosed: Sequence[Mapping[str, Any]]
    withheld: Sequence[Mapping[str, Any]]


class PatientLook(NamedTuple):
    """Who looks, with what (`parts`, whose clock says the instant that counts as now), at which past, which worklists
    there are, and what colleagues are called."""

    parts: Parts
    who: Caller
    asked: past.PastQuestion
    lists: Sequence[Worklist]
    team: Team


async def gather(connection: Connection, row: Stored, look: PatientLook) -> EpisodeFile | None:
    """What the caller sees of an episode; None where that is nothing."""
    parts, who, asked, *_ = look
    episode, rules = row.listed.episode_id, parts.rules
    zone = zone_of_row(row, who.scope, rules)
    at = asked.looks_from(zone, parts.clock())
    every = (await episodes.facts_of(connection, [episode]))[episode]
    told = past.facts_then(every, asked, zone, rules.zone_of)
    mine = seen(told, who, rules)
    if not mine.facts:
        return None
    then = look._replace(parts=with_fields(parts, clock=lambda: at))
    lines = await _lines(connection, row, told, then)
    words = {fact.id: words_of(fact, rules) for fact in every}
    waiting, others, used = await _rows(connection, lines, words, then)
    has = frozenset(line.kind for line, _ in lines)
    if may(who, REVIEWING):
        others = {**others, "payers": list(rows_of(mine, row.listed.patient_id, _reader(then, words)))}
    cares = may(who, CARE)
    changes, sent = history(mine.facts, rules) if cares else ([], {})
    stored = (await episodes.periods_of(connection, [episode]))[episode] if cares else []
    as_billed = asked.now and mine.whole
    return EpisodeFile(
        row=row,
        part=mine,
        at=at,
        zone=zone,
        waiting=waiting,
        others=others,
        acts=acts_of(mine, row, _reader(then, words), has) if asked.now else {},
        used=used,
        periods=[sent for _, sent in stored] if as_billed else _in_scope(sent.values(), mine),
        as_billed=as_billed,
        changes=[one for one in changes if mine.scope.has(one.change.value.facility)],
        actors=await views.actors(connection, episode, _ACTIONS) if cares and mine.whole else {},
        **await _leaving(connection, who, episode, asked),
    )


def _in_scope(sent: Iterable[SentPeriod], part: Part) -> list[SentPeriod]:
    """The periods of facilities in scope: of another's stay only dates and level are seen, and no bill."""
    return [one for one in sent if part.scope.has(one.content.facility)]


async def _leaving(
    connection: Connection, who: Caller, episode: str, asked: past.PastQuestion
) -> dict[str, list[dict[str, Any]]]:
    """What left the house of this episode and what waits for a basis, for readers who may see that; today only."""
    if not may(who, DISCLOSING) or not asked.now:
        return {"disclosed": [], "withheld": []}
    about: dict[str, Any] = {"scope": who.scope, "after": None, "most": MOST_DISCLOSURES, "episode_id": episode}
    return {"disclosed": await gate.disclosed(connection, **about), "withheld": await gate.waiting(connection, **about)}


Marked = tuple[Line, frozenset[str]]
"""A line, and the names of the worklists that have it."""


async def _lines(connection: Connection, row: Stored, told: Sequence[Fact], look: PatientLook) -> list[Marked]:
    """The lines of the episode that the reader sees: the stored ones now, else those that the facts by then give."""
    parts, who = look.parts, look.who
    whose, episode = whose_of(who, who.scope), row.listed.episode_id
    if look.asked.now:
        of = {one.name: one.of for one in look.lists if isinstance(one.of, EntriesOf)}
        marks = {name: each.holds(parts.clock()) for name, each in of.items()}
        found = await lists_views.of_episode(connection, episode, whose, marks)
        question = ListQuestion(whose, MOST_SEATS, episode_id=episode)
        seats = await _LISTINGS["seat"].lines(connection, parts, question)
        sessions = await _LISTINGS["session"].lines(connection, parts, with_fields(question, most=ALL_SESSIONS))
        more = [line for line in seats if _is_kept(line, parts.clock())] + sessions[-MOST_SESSIONS:][::-1]
        return [*found, *((line, frozenset[str]()) for line in more)]
    made = entries(fold(told, parts.rules.zone_of), DeskFacts.of(told), parts.rules)
    lines = [
        Line(
            one.kind, one.id, episode, one.facility, one.program, one.state, one.at, one.due, one.content,
            row.listed.patient_id, row.listed.version, one.besides, one.asked_by,
        )
        for one in made
    ]  # fmt: skip
    return [(line, frozenset()) for line in lines if whose.has(line)]


def _is_kept(line: Line, now: datetime) -> bool:
    return line.state == "held" and ("until" not in line.content or datetime.fromisoformat(line.content["until"]) > now)


async def _rows(
    connection: Connection, lines: Sequence[Marked], words: Mapping[str, FactWords], look: PatientLook
) -> tuple[list[tuple[str, Row]], dict[str, list[Row]], dict[str, tuple[int, int | None]]]:
    """(Rows of what waits with the titles of their lists, kind → the other rows, auth_id → units used and allowed)."""
    parts, who = look.parts, look.who
    reader = _reader(look, words)
    open_to = [one for one in look.lists if one.title and may(who, one.on_page or one.readers)]
    waiting: list[tuple[bool, int, str, Row]] = []
    others: dict[str, list[Row]] = {}
    used: dict[str, tuple[int, int | None]] = {}
    for kind in dict.fromkeys(line.kind for line, _ in lines):
        group = [one for one in lines if one[0].kind == kind]
        if kind not in _READERS or not may(who, _READERS[kind]):
            continue
        bodies = await reading.told(connection, parts, _TELLERS.get(kind), [line for line, _ in group], who)
        more = await _more(connection, lines, group)
        for (line, marks), body in zip(group, bodies, strict=True):
            row = row_of(line, {**body, **more.get(line.id, {})}, reader)
            row = row if look.asked.now else with_fields(row, forms=(), link=None, key="")
            if kind == "authorization":
                used[line.id] = (int(body.get("used", 0)), body.get("units"))
            place = next((n for n, one in enumerate(open_to) if one.name in marks - _NOT_WAITING), None)
            if place is None:
                others.setdefault(kind, []).append(row)
            else:
                row = with_fields(row, list=open_to[place].name)
                waiting.append((row.badge.tone != "late", place, open_to[place].title, row))
    waiting.sort(key=lambda one: one[:2])
    return [(title, row) for _, _, title, row in waiting], others, used


def _reader(look: PatientLook, words: Mapping[str, FactWords]) -> Reader:
    parts = look.parts
    writes = {one.path: one for one in WRITES}
    return Reader(parts.clock(), parts.rules.site, look.who, writes, facts=words, team=look.team)


async def _more(
    connection: Connection, lines: Sequence[Marked], group: Sequence[Marked]
) -> Mapping[str, Mapping[str, Any]]:
    """line id → what decides which acts are possible beyond the line's own state."""
    line = group[0][0]
    if line.kind == "plan":
        homes = await lists_views.homes(connection, [line.episode_id])
        return {one.id: {"at_home": homes.get(one.episode_id) == one.facility} for one, _ in group}
    if line.kind == "offer":
        searching = {one.id for one, _ in lines if (one.kind, one.state) == ("search", "open")}
        asked = {one.program for one, _ in group if one.state in {"sent", "countered"}}
        return {
            one.id: {"search_open": one.content.get("search_id") in searching, "asked_again": one.program in asked}
            for one, _ in group
        }
    return {}
