"""Signing in at Keycloak, as hospitals have it: PKCE is required, refresh tokens are good once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from shared.clock import SetClock
from shared.run import ServiceProcess
from shared.storage.database import Database
from shared.web import sessions
from tests.sign_in.conftest import intake_with
from tests.sign_in.keycloak import fetched, running_keycloak
from tests.sign_in.people import DESK, Browser

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
PASSWORD = "a-password-of-the-tests"


@pytest.fixture(scope="module")
def keycloak(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The realm's address."""
    cache = request.config.cache
    assert cache is not None
    archive = fetched(cache.mkdir("keycloak"))
    if isinstance(archive, str):
        pytest.skip(archive)
    with running_keycloak(archive, tmp_path_factory.mktemp("keycloak")) as url:
        yield url


@pytest.fixture
async def intake(database: Database, clock: SetClock, keycloak: str, site: Path) -> AsyncIterator[ServiceProcess]:
    async with intake_with(database, clock, keycloak, config=site) as made:
        yield made


@pytest.fixture
async def browser(intake: ServiceProcess) -> AsyncIterator[Browser]:
    async with Browser.of(intake.web) as made:
        yield made


class AtKeycloak:
    """A browser at Keycloak. It marks its cookies as for https alone, and browsers send such to this machine over http,
    too, which httpx does not."""

    def __init__(self) -> None:
        self.cookies: dict[str, str] = {}

    async def asked(self, method: str, url: str, **fields: str) -> httpx.Response:
        """A request with the cookies so far; without following where it leads."""
        told = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:  # its first pages take long
            answer = await client.request(method, url, headers=told, data=fields or None)
        for each in answer.headers.get_list("set-cookie"):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(each).items()}
        return answer

    async def signs_in(self, url: str, person: str) -> str:
        """Fill in the form of the page at `url`: where it leads back to."""
        page = await self.asked("GET", url)
        assert page.status_code == 200, page.text[:500]
        form = re.search(r'action="([^"]+)"', page.text)
        assert form, page.text[:500]
        answer = await self.asked("POST", unescape(form[1]), username=person, password=PASSWORD)
        assert answer.status_code == 302, answer.text[:500]
        return answer.headers["location"]


async def signed_in(browser: Browser, person: str = "dana") -> tuple[AtKeycloak, httpx.Response]:
    at_keycloak = AtKeycloak()
    back = await at_keycloak.signs_in(await browser.led_to_the_issuer("/placement/"), person)
    assert back.startswith(f"{DESK}/signed-in?")
    return at_keycloak, await browser.get(back)


async def test_a_coordinator_signs_in_and_has_the_roles_and_facilities_of_her_groups(browser: Browser) -> None:
    _, answer = await signed_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/placement/")
    told = (await browser.session()).json()
    assert (told["name"], told["roles"], told["facilities"]) == ("Dana Reyes", ["coordinator"], ["GOODHEALTH"])


async def test_who_has_no_role_of_ours_there_is_told_so(browser: Browser) -> None:
    _, answer = await signed_in(browser, "sam")
    assert answer.status_code == 403
    assert "You have no role here yet" in answer.text


async def test_refresh_tokens_that_are_good_once_are_used_once(
    browser: Browser, clock: SetClock, database: Database
) -> None:
    await signed_in(browser)
    for _ in range(3):
        clock.forward(timedelta(minutes=6))
        answers = await asyncio.gather(*(browser.session() for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}
    async with database.read() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM sessions"))).scalar_one() == 1


async def test_two_processes_of_intake_refresh_a_session_once(
    browser: Browser, clock: SetClock, database: Database, keycloak: str, site: Path
) -> None:
    await signed_in(browser)
    held = {"cookie": f"{sessions.SESSION}={browser.cookie}"}
    async with intake_with(database, clock, keycloak, config=site) as other, Browser.of(other.web) as another:
        for _ in range(3):
            clock.forward(timedelta(minutes=6))
            asked = [each.client.get("/session", headers=held) for each in (browser, another) for _ in range(3)]
            assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


async def test_who_signed_out_at_keycloak_is_signed_out_here_when_the_access_token_ends(
    browser: Browser, clock: SetClock
) -> None:
    at_keycloak, _ = await signed_in(browser)
    page = await browser.client.post("/sign-out", data={"form_token": sessions.token_of(browser.cookie)})
    first = page.headers["refresh"].removeprefix("0; url=")
    back = parse_qs(urlsplit(await browser.led_to_the_issuer()).query)
    assert back["redirect_uri"] == [f"{DESK}/signed-in"]
    again = await at_keycloak.asked("GET", await browser.led_to_the_issuer())
    assert again.status_code == 302, "at Keycloak she is still signed in"
    assert (await browser.get(again.headers["location"])).status_code == 303
    assert (await browser.session()).status_code == 200
    left = await at_keycloak.asked("GET", first)
    assert (left.status_code, left.headers["location"]) == (302, f"{DESK}/sign-out")
    assert "You are signed out" in (await browser.get(left.headers["location"])).text
    clock.forward(timedelta(minutes=6))
    assert (await browser.session()).status_code == 401
    page = await at_keycloak.asked("GET", await browser.led_to_the_issuer())
    assert page.status_code == 200, "Keycloak asks for the password again"
