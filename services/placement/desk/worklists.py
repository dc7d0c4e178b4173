"""Worklists over HTTP: how many things wait for somebody, and which; each list is one row of the table here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.desk import disclosures
from services.placement.desk.answers import ITEMS
from services.placement.desk.frame import EVERYBODY, Listing, Parts, Teller, whose_of
from services.placement.desk.lines import shown
from services.placement.desk.reading import narrow, noted
from services.placement.desk.wording import told
from services.placement.engine import views as episodes
from services.placement.gate import views as withheld
from services.placement.worklists import work
from services.placement.worklists.views import Line, ListQuestion, Whose
from shared.site.config import Site
from shared.storage.database import Connection
from shared.web import openapi as api
from shared.web import paging, requests
from shared.web.app import JSON, caller


@dataclass(frozen=True)
class Worklist:
    """One list of work: its name in the path, its title for people, how many lines it has, the lines; who reads it."""

    name: str
    title: str
    count: Callable[[Connection, Parts, Whose], Awaitable[int]]
    lines: Callable[[Connection, Parts, ListQuestion], Awaitable[list[Line]]]
    teller: Teller | None = None
    readers: tuple[str, ...] = EVERYBODY


def of_entries(name: str, title: str, teller: Teller | None = None) -> Worklist:
    """A list of the desk's entries, by its row in views.WORK."""

    async def count(connection: Connection, parts: Parts, whose: Whose) -> int:
        return await work.count(connection, name, whose, parts.clock())

    async def lines(connection: Connection, parts: Parts, asked: ListQuestion) -> list[Line]:
        return await work.lines(connection, name, asked, parts.clock())

    return Worklist(name, title, count, lines, teller)


async def _without_effect(connection: Connection, parts: Parts, found: list[Line]) -> list[dict[str, Any]]:
    """Each episode's facts without effect in words, and why they have none."""
    facts = await episodes.facts_of(connection, [line.episode_id for line in found])
    known = {fact.id: fact for group in facts.values() for fact in group}
    return [
        {
            "facts": [
                {
                    **told(known[one["ce_id"]], parts.rules),
                    "word": one["word"],
                    "means": MEANING[NoEffectReason(one["word"])],
                }
                for one in line.content["facts"]
                if one["ce_id"] in known
            ]
        }
        for line in found
    ]


async def _how_many_wait(connection: Connection, _: Parts, whose: Whose) -> int:
    return await withheld.how_many_wait(connection, whose.scope)


async def _withheld(connection: Connection, parts: Parts, asked: ListQuestion) -> list[Line]:
    """What waits for a basis to leave; an id is `recipient|fact`, by which the next page is found."""
    at = asked.after
    after = withheld.After(at[0], *at[1].split("|", 1)) if at and "|" in at[1] else None
    rows = await withheld.waiting(connection, scope=asked.whose.scope, after=after, most=asked.most)
    return [
        Line(
            "withheld", f"{row['recipient']}|{row['fact_id']}", row["episode_id"], row["facility"], None, row["reason"],
            row["since"], None, of_recipient(row, parts.rules.site), row["patient_id"], 0,
        )
        for row in rows
    ]  # fmt: skip


def of_recipient(row: Mapping[str, Any], site: Site) -> dict[str, Any]:
    """What waits for whom: the recipient's title too, where the site still has it."""
    title = next((each.title for each in site.recipients if each.id == row["recipient"]), row["recipient"])
    return {name: row[name] for name in ("recipient", "fact_id", "fact_type")} | {"recipient_title": title}


TITLES: Final = {
    "searches-open": "Patients for whom a program is looked for",
    "offers-overdue": "Offers that wait for an answer for too long",
    "starts-due": "First days that have passed, and nobody said whether the patient came",
    "no-seat": "Placements and stays at a program without a seat",
    "ineffective": "What was told and has no effect",
    "conflicts": "Facts that contradict each other",
    "authorizations-ending": "Authorizations that end within a week",
    "authorizations-used-up": "Authorizations with nothing left",
    "authorizations-exhausted": "Authorizations that are used up (older name)",
    "reviews-due": "Plans whose review is due",
}
WORKLISTS: Final[tuple[Worklist, ...]] = (
    *(of_entries(name, title, _without_effect if name == "ineffective" else None) for name, title in TITLES.items()),
    Worklist(
        "withheld", "What waits for a consent or another basis before it may leave", _how_many_wait, _withheld,
        readers=disclosures.READERS,
    ),
)  # fmt: skip


def routes(parts: Parts, listings: Sequence[Listing], worklists: Sequence[Worklist] = WORKLISTS) -> Sequence[BaseRoute]:
    """GET /api/worklists and /api/worklists/{name}; lines are shown as their own lists show them."""
    tellers = {one.kind: one.teller for one in listings}
    known = {one.name: one for one in worklists}
    return [
        Route("/api/worklists", partial(_counted, parts, worklists), methods=["GET"]),
        Route("/api/worklists/{name}", partial(_listed, parts, known, tellers), methods=["GET"]),
    ]


async def _counted(parts: Parts, worklists: Sequence[Worklist], request: Request) -> Response:
    who = caller(request, *EVERYBODY)
    asked = requests.parameters(request, {"facility"})
    whose = whose_of(who, requests.scope(who, asked.get("facility")))
    async with parts.database.read() as connection:
        found = [
            {"name": one.name, "title": one.title, "count": await one.count(connection, parts, whose)}
            for one in worklists
            if who.roles & {*one.readers, "admin"}
        ]
    return JSON({"worklists": found})


async def _listed(
    parts: Parts, known: Mapping[str, Worklist], tellers: Mapping[str, Teller | None], request: Request
) -> Response:
    worklist = known.get(request.path_params["name"])
    who = caller(request, *(worklist.readers if worklist else EVERYBODY))
    if worklist is None:
        raise requests.missing()
    asked = requests.parameters(request, {"facility", *paging.PARAMETERS})
    limit, after = paging.limit(asked), paging.behind(asked, 2)
    place = (paging.instant(after[0]), after[1]) if after else None
    question = ListQuestion(whose_of(who, requests.scope(who, asked.get("facility"))), limit + 1, place)
    async with parts.database.begin() as connection:
        found = await worklist.lines(connection, parts, question)
        page, more = paging.page(found, limit, lambda line: (paging.at(line.at), line.id))
        items = await _told(connection, parts, await narrow(connection, page, who), worklist.teller, tellers)
        await noted(connection, parts, who, f"worklist-{worklist.name}-read", page)
    return JSON({"name": worklist.name, "title": worklist.title, "items": items, "next": more})


async def _told(
    connection: Connection,
    parts: Parts,
    page: list[Line],
    own: Teller | None,
    tellers: Mapping[str, Teller | None],
) -> list[dict[str, Any]]:
    teller = own or (tellers.get(page[0].kind) if page else None)
    more = await teller(connection, parts, page) if teller else [{} for _ in page]
    now, site = parts.clock(), parts.rules.site
    return [shown(line, also, site, now) for line, also in zip(page, more, strict=True)]


def paths(worklists: Sequence[Worklist] = WORKLISTS) -> dict[str, Any]:
    """What the OpenAPI document says of them."""
    about = "What waits for somebody in one list, the oldest first"
    return api.worklists(about, EVERYBODY, [one.name for one in worklists], ITEMS)
