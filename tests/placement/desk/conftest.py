"""The desk's API on the real database, as somebody with a token uses it, and patients who have left the ward."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from starlette.applications import Starlette

from services.placement.checks import broken
from services.placement.desk import api
from services.placement.desk.frame import Parts
from services.placement.desk.page import desk as page
from services.placement.rules import Rules
from services.placement.worklists.lists import WORKLISTS, Worklist
from shared.clock import SetClock
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Tokens
from tests.answers import client_of
from tests.browsing import Browser
from tests.builders import a_story, admitted, discharged
from tests.placement.feeding import Feed

KEY = "a secret of thirty-two characters"
DAY = "2026-05-06"
"""The first day that the offers of these tests propose; the clock says 4 May."""


class Desk:
    """The API as somebody with a token uses it; `feed` brings what others say."""

    def __init__(self, client: httpx.AsyncClient, feed: Feed, clock: SetClock) -> None:
        self.client, self.feed, self.clock = client, feed, clock

    async def get(
        self,
        path: str,
        query: dict[str, str] | None = None,
        *,
        role: str = "coordinator",
        facilities: tuple[str, ...] = ("*",),
    ) -> httpx.Response:
        return await self.client.get(path, params=query, headers=bearer(role, facilities))

    async def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        role: str = "coordinator",
        facilities: tuple[str, ...] = ("*",),
        **headers: str,
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body or {}, headers=bearer(role, facilities) | named)

    async def put(
        self, path: str, body: dict[str, Any], *, role: str = "coordinator", facilities: tuple[str, ...] = ("*",)
    ) -> httpx.Response:
        return await self.client.put(path, json=body, headers=bearer(role, facilities))

    async def listed(self, name: str, **query: str) -> list[dict[str, Any]]:
        answer = await self.get(f"/api/{name}", query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()[name]
        return found

    async def leaves_the_ward(
        self, *episodes: str, facility: str = "GOODHEALTH", left: str = "2026-05-04 07:00"
    ) -> None:
        """Each is discharged from inpatient care, so a search for a PHP is open."""
        facts = []
        for episode in episodes:
            named: dict[str, Any] = {"episode": episode, "facility": facility, "patient_id": f"patient-{episode}"}
            came = min("2026-05-01 10:00", left.replace(" 24:00", " 00:00"))
            end = left.removesuffix(" 24:00")
            story = a_story(admitted(came, **named), discharged(end, **named))
            facts += [replace(fact, id=f"{fact.id}-{episode}") for fact in story]
        await self.feed.bring(*facts)

    async def is_admitted(
        self, episode: str, program: str = "GH-PHP1", level: str = "php", when: str = "2026-05-04 07:00", **more: Any
    ) -> None:
        """The hospital tells by ADT that the patient is at a program's unit."""
        named: dict[str, Any] = {"episode": episode, "patient_id": f"patient-{episode}", "ce_id": f"admitted-{episode}"}
        await self.feed.bring(*a_story(admitted(when, level=level, program=program, **named, **more)))

    async def search(self, episode: str) -> dict[str, Any]:
        """The episode's latest search."""
        return (await self.listed("searches", episode_id=episode))[-1]

    async def offers(self, episode: str, *programs: str, **more: Any) -> list[str]:
        """Ids of the offers that go out."""
        body = {"episode_id": episode, "programs": list(programs), "start_date": DAY, **more}
        answer = await self.post("/api/offers", body)
        assert answer.status_code == 201, answer.text
        return [one["offer_id"] for one in answer.json()["offers"]]

    async def places(self, episode: str, program: str = "GH-PHP1", **more: Any) -> str:
        """The placement after the program accepted."""
        [offer] = await self.offers(episode, program, **more)
        answer = await self.post(f"/api/offers/{offer}/accepted", role="program")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["placement_id"])

    async def said(self) -> list[str]:
        """Names of placement's own facts in the outbox, as they are sent."""
        sent = await self.feed.sent("care.events")
        return [one.fact.name for one in sent]


def bearer(role: str, facilities: tuple[str, ...] = ("*",), scope: str = "") -> dict[str, str]:
    """The header of somebody with one role; `scope`: SMART's scopes of the token."""
    claims = {
        "sub": f"a-{role}",
        "roles": [role],
        "facilities": list(facilities),
        "scope": scope,
        "iss": DEV_ISSUER,
        "aud": AUDIENCE,
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    return {"authorization": f"Bearer {jwt.encode(claims, KEY, algorithm='HS256')}"}


def token(role: str, facilities: tuple[str, ...] = ("*",)) -> str:
    """What somebody with one role signs in with."""
    return bearer(role, facilities)["authorization"].removeprefix("Bearer ")


@pytest.fixture
def lists() -> Sequence[Worklist]:
    """The table of worklists that API and page are made with."""
    return WORKLISTS


@pytest.fixture
async def client(
    database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str], lists: Sequence[Worklist]
) -> AsyncIterator[httpx.AsyncClient]:
    """API and page, on the same data."""

    async def ready() -> dict[str, str]:
        return {}

    parts = Parts(database, rules, clock, ids)
    made = [*api.routes(parts, lists), *page.routes(parts, page.pages(), lists)]
    app = web_app(title="placement", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=ready, routes=made)
    async with client_of(app, "placement", "http://desk") as client:
        yield client


@pytest.fixture
def nobody(client: httpx.AsyncClient) -> Browser:
    """A browser in which nobody is signed in; `desk` is the API on the same data."""
    return Browser(client)


@pytest.fixture
async def desk(
    feed: Feed, database: Database, rules: Rules, clock: SetClock, client: httpx.AsyncClient
) -> AsyncIterator[Desk]:
    yield Desk(client, feed, clock)
    found = [str(one) async for one in broken(database, rules)]
    assert [one for one in found if "outbox" not in one and "position" not in one] == []


@pytest.fixture
async def app(desk: Desk, database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]) -> Starlette:
    """The whole web side of placement, on what `desk` has."""

    async def ready() -> dict[str, str]:
        return {}

    parts = Parts(database, rules, clock, ids)
    routes = [*api.routes(parts), *page.routes(parts, page.pages())]
    return web_app(title="placement", tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)), ready=ready, routes=routes)


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, "placement", "http://desk") as client:
        yield client
