"""Worklists over HTTP: how many entries wait in each list, and which; the lists are defined in worklists/lists.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.placement.continuum.states import MEANING, NoEffectReason
from services.placement.desk.answers import ITEMS
from services.placement.desk.frame import Listing, Parts, Teller, whose_of
from services.placement.desk.reading import noted, told
from services.placement.engine import views as episodes
from services.placement.worklists.lists import READERS, WORKLISTS, Worklist
from services.placement.worklists.views import Line, ListQuestion
from services.placement.worklists.wording import told as fact_told
from shared.site.config import Site
from shared.storage.database import Connection
from shared.web import openapi as api
from shared.web import paging, requests
from shared.web.app import JSON, caller


def tellers(listings: Iterable[Listing]) -> dict[str, Teller]:
    """kind of line → what adds to it what is not stored, the same as in the kind's own list."""
    of_lists = {one.kind: one.teller for one in listings if one.teller is not None}
    return {**of_lists, "ineffective": _without_effect, "withheld": _for_whom}


async def _without_effect(connection: Connection, parts: Parts, found: list[Line]) -> list[dict[str, Any]]:
    """For each episode its facts without effect in words, and why they have none."""
    facts = await episodes.facts_of(connection, [line.episode_id for line in found])
    known = {fact.id: fact for group in facts.values() for fact in group}
    return [
        {
            "facts": [
                {
                    **fact_told(known[one["ce_id"]], parts.rules),
                    "word": one["word"],
                    "means": MEANING[NoEffectReason(one["word"])],
                }
                for one in line.content["facts"]
                if one["ce_id"] in known
            ]
        }
        for line in found
    ]


async def _for_whom(_: Connection, parts: Parts, found: list[Line]) -> list[dict[str, Any]]:
    return [{"recipient_title": recipient_title(line.content["recipient"], parts.rules.site)} for line in found]


def recipient_title(recipient: str, site: Site) -> str:
    """The recipient's title; its id where the site no longer has it."""
    return next((each.title for each in site.recipients if each.id == recipient), recipient)


def routes(parts: Parts, listings: Sequence[Listing], lists: Sequence[Worklist]) -> Sequence[BaseRoute]:
    """GET /api/worklists and /api/worklists/{name}; lines have the form of their kind's own list."""
    work = {one.name: one for one in lists if one.waits}
    return [
        Route("/api/worklists", partial(_counted, parts, work), methods=["GET"]),
        Route("/api/worklists/{name}", partial(_listed, parts, work, tellers(listings)), methods=["GET"]),
    ]


async def _counted(parts: Parts, work: Mapping[str, Worklist], request: Request) -> Response:
    who = caller(request, *READERS)
    asked = requests.parameters(request, {"facility"})
    whose = whose_of(who, requests.scope(who, asked.get("facility")))
    async with parts.database.read() as connection:
        found = [
            {"name": one.name, "title": one.waits, "count": (await one.of.counted(connection, whose, parts.clock()))[0]}
            for one in work.values()
            if one.of != "programs" and who.roles & {*one.readers, "admin"}
        ]
    return JSON({"worklists": found})


async def _listed(
    parts: Parts, work: Mapping[str, Worklist], known: Mapping[str, Teller], request: Request
) -> Response:
    one = work.get(request.path_params["name"])
    who = caller(request, *(one.readers if one else READERS))
    if one is None or one.of == "programs":
        raise requests.missing()
    asked = requests.parameters(request, {"facility", *paging.PARAMETERS})
    limit, place = paging.limit(asked), paging.after(asked)
    question = ListQuestion(whose_of(who, requests.scope(who, asked.get("facility"))), limit + 1, place)
    async with parts.database.begin() as connection:
        found = await one.of.lines(connection, question, parts.clock())
        page, more = paging.page(found, limit, lambda line: (paging.at(line.at), line.id))
        items = await told(connection, parts, known.get(one.of.kind), page, who)
        await noted(connection, parts, who, f"worklist-{one.name}-read", page)
    return JSON({"name": one.name, "title": one.waits, "items": items, "next": more})


def paths(lists: Sequence[Worklist] = WORKLISTS) -> dict[str, Any]:
    """The worklists' paths for the OpenAPI document."""
    about = "What waits for somebody in one list, the oldest first"
    return api.worklists(about, READERS, [one.name for one in lists if one.waits], ITEMS)
