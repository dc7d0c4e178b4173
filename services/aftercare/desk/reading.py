"""GET of aftercare's lists, in pages, and of their entries; who read which episode is audited."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.aftercare.desk import showing
from services.aftercare.desk.follow_ups import READERS
from services.aftercare.engine import views
from services.aftercare.engine.apply import Rules
from services.aftercare.engine.views import AfterEntry
from services.aftercare.worklists.entries import STATES, Kind
from services.aftercare.worklists.listed import ListedRow
from shared.clock import Clock
from shared.storage import audit
from shared.storage.database import Connection, Database
from shared.web import paging, requests
from shared.web.app import JSON, caller
from shared.web.auth import Caller

LISTS: dict[str, Kind] = {
    "plans": "plan",
    "referrals": "referral",
    "contacts": "contact",
    "appointments": "appointment",
    "risks": "risk",
    "leftovers": "leftover",
}
FILTERS = frozenset({"state", "episode_id"}) | paging.PARAMETERS


def routes(database: Database, rules: Rules) -> Sequence[BaseRoute]:
    """For each kind a list and one entry by its id, and one follow-up by its id; the list of follow-ups is in
    follow_ups.py."""
    found: list[BaseRoute] = [
        Route(f"/api/{name}", partial(_list, kind, database, rules), methods=["GET"]) for name, kind in LISTS.items()
    ]
    every: dict[str, showing.ListedKind] = {**LISTS, "follow-ups": "follow-up"}
    found += [
        Route(f"/api/{name}/{{id}}", partial(_one, kind, database, rules), methods=["GET"])
        for name, kind in every.items()
    ]
    return found


async def _list(kind: Kind, database: Database, rules: Rules, request: Request) -> Response:
    who = caller(request, *READERS)
    asked = requests.parameters(request, FILTERS)
    limit = paging.limit(asked)
    async with database.begin() as connection:
        found = await views.list_entries(
            connection,
            kind,
            state=requests.one_of(asked, "state", STATES[kind]),
            episode_id=asked.get("episode_id"),
            scope=requests.scope(who),
            after=_after(asked),
            limit=limit + 1,
        )
        page, more = paging.page(found, limit, lambda row: (paging.at(row.sort_at), row.id))
        seen = await showing.seen_by(connection, who.scope, page)
        await _note(connection, rules.clock, who, kind, page)
    return JSON({"items": [showing.shown(row, rules.clock()) for row in seen], "next": more})


def _after(asked: dict[str, str]) -> AfterEntry | None:
    place = paging.after(asked)
    return AfterEntry(*place) if place else None


async def _one(kind: showing.ListedKind, database: Database, rules: Rules, request: Request) -> Response:
    who = caller(request, *READERS)
    async with database.begin() as connection:
        row = await showing.row(connection, kind, request.path_params["id"])
        if row is None or not who.may_see(row.facility):
            raise requests.missing()
        [seen] = await showing.seen_by(connection, who.scope, [row])
        await _note(connection, rules.clock, who, kind, [row])
    return JSON(showing.shown(seen, rules.clock()), headers={"etag": requests.etag(row.sequence)})


async def _note(connection: Connection, clock: Clock, who: Caller, kind: str, rows: Sequence[ListedRow]) -> None:
    """Audit who saw which episode's entry (45 CFR 164.312(b), audit controls)."""
    entries = [audit.Entry(clock(), who.subject, f"{kind}-read", row.episode_id) for row in rows]
    await audit.note(connection, entries)
