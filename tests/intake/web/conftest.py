"""Intake's HTTP side on a real database, and tokens for whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
import uvicorn

from services.intake.app import assemble
from services.intake.receiving.receive import Intake
from shared.clock import SetClock
from shared.run import ServiceProcess, bound
from shared.web.auth import AUDIENCE, DEV_ISSUER
from tests.answers import client_of
from tests.intake.conftest import NOW
from tests.intake.test_app import SECRET, settings
from tests.waiting import until

Asking = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def asking() -> Asking:
    """Headers of somebody with a role, at these facilities (default: all)."""

    def headers(role: str, *facilities: str, subject: str | None = None) -> dict[str, str]:
        scope: Sequence[str] = facilities or ("*",)
        until = datetime.now(UTC) + timedelta(hours=1)
        claims = {"sub": subject or f"a-{role}", "roles": [role], "facilities": scope, "iss": DEV_ISSUER}
        token = jwt.encode({**claims, "aud": AUDIENCE, "exp": until}, SECRET, algorithm="HS256")
        return {"authorization": f"Bearer {token}"}

    return headers


@pytest.fixture
async def service(intake_url: str) -> AsyncIterator[ServiceProcess]:
    """The service with its doors open; no broker."""
    made = assemble(settings(intake_url, revocation_wait=0), clock=SetClock(NOW))  # nobody reads care.events here
    for door in made.doors:
        await door.start()
    yield made
    for door in made.doors:
        await door.stop()
    await made.database.close()


@pytest.fixture
async def http(service: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its HTTP side."""
    async with client_of(service.web, "intake", "http://intake") as client:
        yield client


@pytest.fixture
async def address(service: ServiceProcess) -> AsyncIterator[str]:
    """Where the service listens."""
    sock = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(service.web, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    await until(lambda: server.started)
    yield "http://{}:{}".format(*sock.getsockname())
    server.should_exit = True
    await serving


@pytest.fixture
async def own(own_intake: Intake) -> AsyncIterator[ServiceProcess]:
    """The service on a database in which there is nothing yet."""
    url = own_intake.database.engine.url.render_as_string(hide_password=False)
    made = assemble(settings(url), clock=SetClock(NOW))
    yield made
    await made.database.close()
