"""GET /api/disclosures, /api/packets and /api/withheld: what was disclosed on which basis, and what waits for one.
Every read is audited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.placement.desk.overviews import DisclosureShown, PacketOut, WithheldShown
from services.placement.gate import views
from services.placement.gate.bases import NoBasisReason
from services.placement.worklists.lists import DISCLOSING
from shared.clock import Clock
from shared.storage import audit
from shared.storage.database import Database
from shared.web import openapi as api
from shared.web import paging
from shared.web import requests as ask
from shared.web.app import JSON, caller

DISCLOSED = ("episode_id", "patient_id", "recipient", "facility")
WITHHELD = (*DISCLOSED, "reason")
REASONS = get_args(NoBasisReason)
List = Callable[..., Awaitable[list[dict[str, Any]]]]


def routes(database: Database, clock: Clock) -> list[Route]:
    """The routes of both lists."""

    async def disclosed(request: Request) -> Response:
        return await _page(request, "disclosures", DISCLOSED, views.disclosed, ("disclosed_at", "disclosure_id"))

    async def packets(request: Request) -> Response:
        return await _page(request, "packets", DISCLOSED, views.packets, ("disclosed_at", "disclosure_id"))

    async def withheld(request: Request) -> Response:
        return await _page(request, "withheld", WITHHELD, views.waiting, ("since", "recipient", "fact_id"))

    async def _page(
        request: Request, name: str, known: Collection[str], read: List, place: tuple[str, ...]
    ) -> Response:
        asking = caller(request, *DISCLOSING)
        wanted = ask.parameters(request, (*known, *paging.PARAMETERS))
        ask.one_of(wanted, "reason", REASONS)
        most, after = paging.limit(wanted), _after(paging.behind(wanted, len(place)))
        scope = ask.scope(asking, wanted.pop("facility", None))
        chosen = {key: value for key, value in wanted.items() if key not in paging.PARAMETERS}
        async with database.begin() as connection:
            rows = await read(connection, scope=scope, after=after, most=most + 1, **chosen)
            found, following = paging.page(rows, most, lambda row: [_text(row[key]) for key in place])
            now = clock()
            episodes = sorted({row["episode_id"] for row in found})
            told = [audit.Entry(now, asking.subject, f"{name}-listed", episode) for episode in episodes]
            await audit.note(connection, told)
        return JSON({name: [_shown(row) for row in found], "next": following})

    return [
        Route("/api/disclosures", disclosed, methods=["GET"]),
        Route("/api/packets", packets, methods=["GET"]),
        Route("/api/withheld", withheld, methods=["GET"]),
    ]


def paths() -> dict[str, Any]:
    """The paths of both lists for the OpenAPI document."""
    reasons = {"reason": {"enum": list(REASONS)}}
    return {
        "/api/disclosures": api.listed(
            "listDisclosures", "What left, to whom, on what basis", DISCLOSING,
            api.page("disclosures", DisclosureShown), *map(api.query, DISCLOSED),
        ),
        "/api/packets": api.listed(
            "listPackets", "Packets that programs of another legal entity read, on what basis", DISCLOSING,
            api.page("packets", PacketOut), *map(api.query, DISCLOSED),
        ),
        "/api/withheld": api.listed(
            "listWithheld", "What waits for a basis, and why", DISCLOSING, api.page("withheld", WithheldShown),
            *(api.query(name, reasons.get(name)) for name in WITHHELD),
        ),
    }  # fmt: skip


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _text(value: Any) -> str:
    return paging.at(value) if isinstance(value, datetime) else str(value)


def _after(place: Collection[str] | None) -> views.After | None:
    if place is None:
        return None
    at, *ids = place
    return views.After(paging.instant(at), *ids)
