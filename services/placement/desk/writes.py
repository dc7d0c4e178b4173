"""How the desk carries out a POST: which episode it is about, which programs are locked, what it answers; no rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

from starlette.routing import BaseRoute

from services.placement.desk.commands import Ask
from services.placement.desk.episodes import in_a_list
from services.placement.desk.frame import Listing, Parts, Posted, Subject
from services.placement.desk.lines import short
from services.placement.desk.reading import told, visible
from services.placement.engine import act
from services.placement.engine import views as episodes
from services.placement.worklists import views
from services.placement.worklists.views import Line
from shared.errors import Rejected
from shared.storage.database import Connection
from shared.web import posts, requests
from shared.web.acts import ActRequest
from shared.web.auth import Caller

Listings = Mapping[str, Listing]
"""Kind → its list."""
MANY = frozenset({"/api/offers"})
"""Writes that make one or several: the answer is a list."""


class _Seen(NamedTuple):
    """An episode, and who looks at it."""

    who: Caller
    episode_id: str


def door(parts: Parts, subjects: Iterable[Subject]) -> posts.PostDoor[Any]:
    """What the shared handling of POSTs (shared/web/posts.py) needs, for the writes of all subjects."""
    listings = {one.listing.kind: one.listing for one in subjects if one.listing}
    return posts.PostDoor(
        parts.database,
        parts.clock,
        partial(_fit, parts),
        partial(_subject, parts, listings),
        partial(_act, parts, listings),
    )


def routes(parts: Parts, subjects: Sequence[Subject]) -> Sequence[BaseRoute]:
    """The routes of every POST of the subjects."""
    return posts.routes(door(parts, subjects), [write for one in subjects for write in one.writes])


async def _fit(parts: Parts, posted: Posted) -> None:
    command: Ask = posted.command
    if (misfit := command.misfit(parts.rules.site)) is not None:
        raise requests.unfit(*misfit)


async def _subject(parts: Parts, listings: Listings, connection: Connection, posted: Posted) -> str | None:
    """The id of the episode that the request is about, by its id, a search, a placement or an entry; None where there
    is none that the caller may see."""
    line = await _about(parts, listings, connection, posted)
    if line is not None:
        return line.episode_id
    episode_id = posted.id if posted.write.kind == "episode" else getattr(posted.command, "episode_id", None)
    if episode_id is None:
        return None
    return episode_id if posted.who.scope.has_any(await views.facilities(connection, episode_id)) else None


async def _about(parts: Parts, listings: Listings, connection: Connection, posted: Posted) -> Line | None:
    """The entry that is named in the path, else by the command's search_id or placement_id; None where there is
    none."""
    write, command = posted.write, posted.command
    named = {"search": getattr(command, "search_id", None), "placement": getattr(command, "placement_id", None)}
    if not write.makes and write.kind in listings:
        named = {write.kind: posted.id}
    for kind, line_id in named.items():
        if line_id is not None:
            return await visible(connection, parts, listings[kind], posted.who, line_id)
    return None


async def _act(
    parts: Parts, listings: Listings, connection: Connection, posted: Posted, episode_id: str
) -> posts.Answer | None:
    write = posted.write
    line = await _about(parts, listings, connection, posted)
    if line is not None and not write.decide.asker:
        for facility in (line.facility, *line.besides):
            requests.within(posted.who, facility)
    claiming = _claimed(posted.command, line, parts) if write.decide.claims else act.NO_CLAIM
    asked = ActRequest(posted.who.subject, write.action, episode_id, posted.seen, posted.who.scope)
    try:
        acted = await act.act(
            connection,
            asked,
            lambda now: write.decide.decide(now, posted.id, posted.command),
            claiming,
            rules=parts.rules,
            clock=parts.clock,
            ids=parts.ids,
        )
    except Rejected as no:
        state = no.state or await _state(
            parts, connection, listings[line.kind] if line else None, line, _Seen(posted.who, episode_id)
        )
        possible = tuple(short(name, write.kind) for name in no.possible)
        raise Rejected(no.code, no.text, possible=possible, state=state) from None
    if acted is None:
        return None
    return posts.Answer(await _body(parts, listings, connection, posted, acted.subjects), acted.version)


def _claimed(command: Ask, line: Line | None, parts: Parts) -> act.Claiming:
    """The program whose seats the write may claim, and the instant from which claims matter to it."""
    name = getattr(command, "program", None) or (line.program if line else None)
    program = parts.rules.site.program(name) if name else None
    begins = getattr(command, "begins", None)
    day = getattr(command, "start_date", None) or getattr(command, "date", None)
    if begins is None and day is None and line is not None and "start_date" in line.content:
        day = datetime.fromisoformat(line.content["start_date"]).date()
    if begins is None and day is not None:
        begins = datetime.combine(day, time(), UTC) - timedelta(days=1)  # whatever the program's zone
    return act.Claiming((program.id,) if program else (), begins)


async def _state(
    parts: Parts, connection: Connection, listing: Listing | None, line: Line | None, of: _Seen
) -> str | None:
    """The state for the answer: the entry's, read again since somebody else may have moved it; else the episode's."""
    if line is None or listing is None:
        row = await episodes.episode(connection, of.episode_id)
        told = await in_a_list(connection, parts, [row.listed] if row else [], of.who.scope)
        return told[0]["state"] if told else None
    found = await listing.one(connection, parts, line.id)
    return found.state if found else None


async def _body(
    parts: Parts, listings: Listings, connection: Connection, posted: Posted, subjects: Sequence[str]
) -> Mapping[str, object]:
    """The answer: the entries as they are now."""
    write, who = posted.write, posted.who
    listing = listings.get(write.kind)
    if listing is None:
        row = await episodes.episode(connection, subjects[0])
        listed = await in_a_list(connection, parts, [row.listed] if row else [], who.scope)
        return listed[0] if listed else {"episode_id": subjects[0]}
    found = [await listing.one(connection, parts, one) for one in subjects]
    bodies = await told(connection, parts, listing.teller, [line for line in found if line is not None], who)
    if write.path in MANY:
        return {listing.name: bodies}
    return bodies[0] if bodies else {"id": subjects[0] if subjects else None}
