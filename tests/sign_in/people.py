"""Browsers of people who sign in, and the site that says what their claims mean."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette

from shared.web.sessions import SESSION

DESK = "http://desk.test"
CLIENT, SECRET = "stepdown", "a-secret-of-the-tests"
TABLE: dict[str, Any] = {
    "roles_claim": "realm_access.roles",
    "roles": {"care-coordination": "coordinator", "it": "admin"},
    "facilities_claim": "groups",
    "facilities": {"hospital-goodhealth": ["GOODHEALTH"], "everywhere": ["*"]},
}
DANA = {
    "realm_access": {"roles": ["care-coordination", "somewhere-else"]},
    "groups": ["hospital-goodhealth"],
    "name": "Dana Reyes",
}


class Browser:
    """Opens pages at DESK, which is the given application, and at issuers, which are real; cookies are kept."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    @classmethod
    @asynccontextmanager
    async def of(cls, app: Starlette) -> AsyncIterator[Browser]:
        """A browser without cookies."""
        mounts: dict[str, Any] = {DESK: httpx.ASGITransport(app)}
        async with httpx.AsyncClient(mounts=mounts, base_url=DESK, trust_env=False) as client:
            yield cls(client)

    async def get(self, address: str, **headers: str) -> httpx.Response:
        """GET, without following where it leads."""
        return await self.client.get(address, headers={name.replace("_", "-"): text for name, text in headers.items()})

    async def led_to_the_issuer(self, then: str = "/") -> str:
        """Where the sign-in page leads."""
        answer = await self.get(f"/sign-in?then={then}")
        assert answer.status_code == 303
        return answer.headers["location"]

    async def led_back(self, address: str, person: str) -> str:
        """Sign in at the issuer as this person: where it leads back to."""
        answer = await self.client.post(address, data={"sub": person})
        assert answer.status_code in {302, 303}, answer.text
        return answer.headers["location"]

    async def signs_in(self, person: str, then: str = "/") -> httpx.Response:
        """The whole way; the answer that signs in."""
        return await self.get(await self.led_back(await self.led_to_the_issuer(then), person))

    async def session(self) -> httpx.Response:
        """What intake says of the cookie."""
        return await self.get("/session")

    @property
    def cookie(self) -> str:
        """The session's cookie; empty for none."""
        return self.client.cookies.get(SESSION, default="", domain=DESK.removeprefix("http://")) or ""


async def known_at(issuer: str, person: str, **claims: Any) -> None:
    """Have the issuer of others know a person."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.put(f"{issuer}/users/{person}", json=claims)
        assert answer.status_code == 204, answer.text


def form_token(page: str) -> str:
    """The form token in a page."""
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found
    return unescape(found[1])
