"""GET of the desk's lists, in pages, and of one line of them; who read which episode is audited. No SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.desk.frame import Listing, Parts, Teller, whose_of
from services.placement.desk.lines import narrowed, shown
from services.placement.worklists import views
from services.placement.worklists.views import Line, ListQuestion
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import paging, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller


def routes(parts: Parts, listings: Iterable[Listing]) -> Sequence[BaseRoute]:
    """Both routes of each list."""
    found: list[BaseRoute] = []
    for one in listings:
        found.append(Route(f"/api/{one.name}", partial(_listed, parts, one), methods=["GET"]))
        found.append(Route(f"/api/{one.name}/{{id}}", partial(_one, parts, one), methods=["GET"]))
    return found


async def _listed(parts: Parts, listing: Listing, request: Request) -> Response:
    who = caller(request, *listing.readers)
    asked = requests.parameters(request, {*listing.filters, *paging.PARAMETERS})
    limit = paging.limit(asked)
    question = _question(listing, asked, who, limit + 1)
    async with parts.database.begin() as connection:
        found = await listing.lines(connection, parts, question)
        page, more = paging.page(found, limit, lambda line: (paging.at(line.at), line.id))
        shown_ = await told(connection, parts, listing.teller, page, who)
        await noted(connection, parts, who, f"{listing.kind}-listed", page)
    return JSON({listing.name: shown_, "next": more})


def _question(listing: Listing, asked: dict[str, str], who: Caller, most: int) -> ListQuestion:
    place = paging.after(asked)
    return ListQuestion(
        whose_of(who, requests.scope(who, asked.get("facility"))),
        most,
        place,
        requests.one_of(asked, "state", listing.states),
        asked.get("episode_id"),
        asked.get("program"),
        _at(asked),
        asked.get("placement_id"),
    )


def _at(asked: dict[str, str]) -> datetime | None:
    if "at" not in asked:
        return None
    try:
        found = datetime.fromisoformat(asked["at"].replace(" ", "+"))
    except ValueError:
        raise requests.unfit("at", "`at` is an instant with its offset, RFC 3339") from None
    if found.tzinfo is None:
        raise requests.unfit("at", "`at` is an instant with its offset, RFC 3339")
    return found


async def _one(parts: Parts, listing: Listing, request: Request) -> Response:
    who = caller(request, *listing.readers)
    requests.parameters(request, ())
    async with parts.database.begin() as connection:
        line = await visible(connection, parts, listing, who, request.path_params["id"])
        if line is None:
            raise requests.missing()
        [body] = await told(connection, parts, listing.teller, [line], who)
        await noted(connection, parts, who, f"{listing.kind}-read", [line])
    return JSON(body, headers={"etag": requests.etag(line.version)})


async def visible(connection: Connection, parts: Parts, listing: Listing, who: Caller, line_id: str) -> Line | None:
    """One line; None where there is none that the caller may see."""
    if "\0" in line_id:  # PostgreSQL has no text with it
        return None
    line = await listing.one(connection, parts, line_id)
    return line if line is not None and whose_of(who, who.scope).has(line) else None


async def told(
    connection: Connection, parts: Parts, teller: Teller | None, found: Sequence[Line], who: Caller
) -> list[dict[str, Any]]:
    """Lines as JSON, with only what this reader may see; `teller` adds what is not stored."""
    lines = await _narrow(connection, found, who)
    more = await teller(connection, parts, lines) if teller and lines else [{} for _ in lines]
    now, site = parts.clock(), parts.rules.site
    return [shown(line, also, site, now) for line, also in zip(lines, more, strict=True)]


async def told_each(
    connection: Connection, parts: Parts, tellers: Mapping[str, Teller], found: Sequence[Line], who: Caller
) -> list[dict[str, Any]]:
    """The same for lines of several kinds: kind → what adds to its lines what is not stored."""
    lines, more = await _narrow(connection, found, who), dict[tuple[str, str], dict[str, Any]]()
    for kind in dict.fromkeys(line.kind for line in lines):
        own = [line for line in lines if line.kind == kind]
        if (teller := tellers.get(kind)) is not None:
            added = await teller(connection, parts, own)
            more |= {(kind, line.id): also for line, also in zip(own, added, strict=True)}
    now, site = parts.clock(), parts.rules.site
    return [shown(line, more.get((line.kind, line.id), {}), site, now) for line in lines]


async def _narrow(connection: Connection, found: Sequence[Line], who: Caller) -> list[Line]:
    """The lines without what the reader may not see of them."""
    shared = await views.shared(connection, {line.episode_id for line in found}, who.scope)
    whose = whose_of(who, who.scope)
    return [narrowed(line, whose, partly=line.episode_id in shared) for line in found]


async def noted(connection: Connection, parts: Parts, who: Caller, action: str, found: Iterable[Line]) -> None:
    """Audit who saw which episode (45 CFR 164.312(b), audit controls)."""
    now = parts.clock()
    episodes = dict.fromkeys(line.episode_id for line in found)
    await audit.note(connection, [audit.Entry(now, who.subject, action, episode) for episode in episodes])


async def noted_each(connection: Connection, parts: Parts, who: Caller, found: Iterable[Line]) -> None:
    """The same for lines of several kinds on a page: the act is `<kind>-looked-at`."""
    now = parts.clock()
    seen = dict.fromkeys((line.kind, line.episode_id) for line in found)
    await audit.note(connection, [audit.Entry(now, who.subject, f"{kind}-looked-at", one) for kind, one in seen])
