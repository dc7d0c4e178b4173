"""The coordinators' API of aftercare on the real database, and an episode that aftercare has started with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.aftercare.checks import broken
from services.aftercare.desk.api import routes
from services.aftercare.engine.apply import Rules
from shared.clock import SetClock
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.aftercare.builders import LEFT, day, document, stay
from tests.aftercare.desk.test_follow_ups import KEY, _ready, token
from tests.aftercare.test_handlers import SITE, take_in
from tests.answers import client_of

COMPLETED = stay("iop", LEFT - timedelta(days=30), LEFT, id="P1", how="completed", reason="goals-met")


class Desk:
    """The API as somebody with a token uses it."""

    def __init__(self, client: httpx.AsyncClient, clock: SetClock) -> None:
        self.client, self.clock = client, clock

    async def get(
        self, path: str, *roles: str, facilities: tuple[str, ...] = ("*",), query: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.get(path, params=query, headers=self._bearer(roles or ("coordinator",), facilities))

    async def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        roles: tuple[str, ...] = ("coordinator",),
        facilities: tuple[str, ...] = ("*",),
        **headers: str,
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body or {}, headers=self._bearer(roles, facilities) | named)

    async def listed(self, name: str, **query: str) -> list[dict[str, Any]]:
        answer = await self.get(f"/api/{name}", query=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def _bearer(self, roles: tuple[str, ...], facilities: tuple[str, ...]) -> dict[str, str]:
        return {"authorization": f"Bearer {token(*roles, facilities=facilities)}"}


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    clock = SetClock(day(2))
    app = web_app(
        title="aftercare",
        tokens=Tokens(KEY, DEV_ISSUER, ("HS256",)),
        ready=_ready,
        routes=routes(database, Rules(SITE, clock)),
    )
    async with client_of(app, "aftercare", "http://aftercare") as client:
        yield Desk(client, clock)
    async with database.read() as connection:
        assert await broken(connection, SITE, clock) == []


@pytest.fixture
async def completed(database: Database) -> None:
    """An episode whose IOP was completed: aftercare has started."""
    await take_in(database, document(COMPLETED))
