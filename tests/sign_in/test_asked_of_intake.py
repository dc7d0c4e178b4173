"""A service that asks intake who is signed in: pages, the API by the cookie, and what is when intake is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.clock import SetClock
from shared.run import ServiceProcess
from shared.storage.database import Database
from shared.web import asked_sessions, sessions
from shared.web.app import JSON, caller, web_app
from shared.web.asked_sessions import KEPT_SECONDS, AskedSessions
from shared.web.auth import DEV_ISSUER, Tokens, dev_tokens
from shared.web.pages import Pages
from tests.browsing import Browser as PageBrowser
from tests.intake.test_app import SECRET
from tests.sign_in.conftest import intake_with
from tests.sign_in.people import DANA, DESK, Browser, known_at
from tests.sign_in.serving import served

TOKENS = dev_tokens(SECRET, datetime.now(UTC))
FRAME = Pages("A desk")
CLAIMS = {"sub": "a-program", "aud": "stepdown", "roles": ["admin"], "facilities": ["*"], "exp": 1 << 32}


class Counting:
    """An application that counts the questions for sessions."""

    def __init__(self, app: Any) -> None:
        self.app, self.asked = app, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += scope.get("path") == "/session"
        await self.app(scope, receive, send)


async def home(request: Request) -> Response:
    return FRAME.render(request, "layout.html", who=sessions.page_caller(request, "coordinator"))


async def api(request: Request) -> Response:
    return JSON({"subject": caller(request, "coordinator").subject})


async def _ready() -> dict[str, str]:
    return {}


@asynccontextmanager
async def desk_that_asks(
    url: str, *, development: bool = True, now: Callable[[], float] = time.monotonic
) -> AsyncIterator[Starlette]:
    """A service with pages whose sessions are at that address."""
    asked = AskedSessions(url, DESK, now)
    tokens = Tokens(SECRET, DEV_ISSUER, ("HS256",)) if development else None
    routes = [Route("/", FRAME.page(home)), Route("/api/who", api, methods=["GET", "POST"]), *FRAME.routes()]
    yield web_app(title="desk", tokens=tokens, ready=_ready, routes=routes, sessions=asked)
    await asked.close()


@pytest.fixture
async def intake_in_development(database: Database, clock: SetClock) -> AsyncIterator[ServiceProcess]:
    """Intake as `up` runs it: tokens of the development issuer are taken."""
    async with intake_with(database, clock, None, client_id=None, token_secret=SECRET) as made:
        yield made


@pytest.fixture
async def counting(intake_in_development: ServiceProcess) -> Counting:
    return Counting(intake_in_development.web)


@pytest.fixture
async def address(counting: Counting) -> AsyncIterator[str]:
    """Where intake listens."""
    async with served(counting) as url:
        yield url


@asynccontextmanager
async def opened(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=DESK) as client:
        yield client


async def test_a_link_of_the_ready_file_makes_a_session_at_intake_which_its_sign_out_ends(address: str) -> None:
    async with desk_that_asks(address) as app, opened(app) as client:
        browser = PageBrowser(client)
        page = await browser.sign_in(TOKENS["coordinator"])
        assert (page.status, page.address) == (200, "/")
        cookie = client.cookies[sessions.SESSION]
        assert len(cookie) == 43
        async with httpx.AsyncClient(base_url=address, cookies={sessions.SESSION: cookie}) as at_intake:
            assert (await at_intake.get("/session")).json()["subject"] == "dev-coordinator"
            page = await browser.send(page, page.frame["Sign out"])
            assert page.address == "/sign-in"
            assert (await at_intake.get("/session")).status_code == 401
        assert (await browser.open("/")).address == "/sign-in"


async def test_many_pages_of_one_person_ask_once_and_the_answer_is_believed_for_a_while(
    address: str, counting: Counting
) -> None:
    now = [0.0]
    async with desk_that_asks(address, now=lambda: now[0]) as app, opened(app) as client:
        await PageBrowser(client).enter(TOKENS["coordinator"])
        now[0] += KEPT_SECONDS
        counting.asked = 0
        answers = await asyncio.gather(*(client.get("/") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert counting.asked == 1
        now[0] += KEPT_SECONDS
        assert (await client.get("/")).status_code == 200
        assert counting.asked == 2


async def test_answers_are_kept_for_so_many_cookies_and_no_more(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_sessions, "MOST", 3)
    async with desk_that_asks(address) as app, opened(app) as client:
        for number in range(6):
            await client.get("/api/who", headers={"cookie": f"{sessions.SESSION}=x{number}"})
        assert len(app.state.sessions._known) == 3


async def test_while_intake_is_away_a_page_says_so_and_programs_work_on() -> None:
    async with desk_that_asks("http://127.0.0.1:9") as app, opened(app) as client:
        held = {"cookie": f"{sessions.SESSION}={'x' * 43}"}
        page = await client.get("/", headers=held)
        assert page.status_code == 503
        assert "signed in can" in page.text
        assert (await client.get("/")).headers["location"] == "/sign-in", "who has no cookie is not asked for"
        own = {**held, "sec-fetch-site": "same-origin"}
        assert (await client.get("/api/who", headers=own)).status_code == 503
        bearer = {**held, "authorization": f"Bearer {TOKENS['coordinator']}"}
        assert (await client.get("/api/who", headers=bearer)).json() == {"subject": "dev-coordinator"}


async def test_the_api_takes_the_cookie_for_a_get_of_our_own_page_alone(address: str) -> None:
    async with desk_that_asks(address) as app, opened(app) as client:
        await PageBrowser(client).enter(TOKENS["coordinator"])
        own = {"sec-fetch-site": "same-origin"}
        assert (await client.get("/api/who", headers=own)).status_code == 200
        assert (await client.post("/api/who", headers=own)).status_code == 401
        assert (await client.get("/api/who", headers={"sec-fetch-site": "cross-site"})).status_code == 401


async def test_a_cookie_that_is_a_token_is_no_session_where_sessions_are_kept(address: str) -> None:
    async with desk_that_asks(address) as app, opened(app) as client:
        answer = await client.get("/", headers={"cookie": f"{sessions.SESSION}={TOKENS['coordinator']}"})
        assert answer.status_code == 303


async def test_a_token_of_a_program_is_no_way_to_a_session_at_a_real_issuer(
    database: Database, clock: SetClock, mock_issuer: str
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode({**CLAIMS, "iss": "https://issuer.example"}, key, algorithm="RS256")
    published = JSON({"keys": [{**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one"}]})
    real = {"token_issuer": "https://issuer.example"}
    async with (
        served(published) as url,
        intake_with(database, clock, mock_issuer, token_jwks_url=f"{url}/keys", **real) as intake,
        opened(intake.web) as client,
    ):
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.get("/api/feeds", headers=headers)).status_code == 200
        assert (await client.post("/session", headers=headers)).status_code == 403


async def test_who_signed_in_at_the_issuer_is_known_at_every_desk_and_to_no_page_of_another_site(
    intake: ServiceProcess, mock_issuer: str
) -> None:
    await known_at(mock_issuer, "dana", **DANA)
    async with served(intake.web) as url, desk_that_asks(url, development=False) as app, opened(app) as client:
        async with Browser.of(intake.web) as browser:
            await browser.signs_in("dana")
        client.cookies.set(sessions.SESSION, browser.cookie)
        page = await client.get("/")
        assert (page.status_code, "dana" in page.text) == (200, True)
        strange = {"sec-fetch-site": "cross-site", "cookie": f"{sessions.SESSION}={browser.cookie}"}
        async with httpx.AsyncClient(base_url=url) as at_intake:
            assert (await at_intake.delete("/session", headers=strange)).status_code == 403
