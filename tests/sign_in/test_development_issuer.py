"""The development issuer: one button a role, the whole way at a front door, and what it does not grant."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from shared.clock import SetClock
from shared.roles import ROLES
from shared.storage.database import Database
from shared.web import sessions
from shared.web.auth import dev_tokens
from tests.intake.test_app import SECRET
from tests.sign_in.conftest import intake_with
from tests.sign_in.people import form_token
from tests.sign_in.serving import served
from tools.stack.development_issuer import WHAT_THEY_DO, routes
from tools.stack.development_issuer.grants import CODE_SECONDS, MOST, AuthorizationRequest, Grants, RefusedGrant
from tools.stack.folder import claim, ports
from tools.stack.front import ISSUER_PATH as PATH
from tools.stack.tokens import known_by

SETTINGS = {"STEPDOWN_ISSUER": "issuer", "STEPDOWN_CLIENT_ID": "client_id", "STEPDOWN_DESK_URL": "desk_url"}


@dataclass
class Front:
    """A front door with the development issuer and intake behind it, and a browser at it."""

    address: str
    client: httpx.AsyncClient

    async def chosen(self, at_issuer: str, role: str) -> httpx.Response:
        """Press the button of a role."""
        page = await self.client.get(at_issuer)
        form = re.search(r'action="([^"]+)"', page.text)
        assert form, page.text
        return await self.client.post(unescape(form[1]), data={"role": role})

    async def led_to_the_issuer(self) -> str:
        """Where the link on the sign-in page leads."""
        page = await self.client.get("/sign-in")
        link = re.search(r'href="(/sign-in\?at=issuer[^"]*)"', page.text)
        assert link, page.text
        return (await self.client.get(unescape(link[1]))).headers["location"]

    async def signs_in(self, role: str) -> httpx.Response:
        return await self.client.get((await self.chosen(await self.led_to_the_issuer(), role)).headers["location"])


@pytest.fixture
async def front(database: Database, clock: SetClock, tmp_path: Path) -> AsyncIterator[Front]:
    port = ports({"front": 0})["front"]
    address = f"http://127.0.0.1:{port}"
    folder = claim(tmp_path / "data")
    told = known_by(folder, address)
    secret = (folder.path / "secrets" / "sign-in.client").read_text(encoding="utf-8").strip()
    assert told["STEPDOWN_CLIENT_SECRET_FILE"] == str(folder.path / "secrets" / "sign-in.client")
    given: dict[str, Any] = {name: told[variable] for variable, name in SETTINGS.items() if name != "issuer"}
    issuer = told["STEPDOWN_ISSUER"]
    more = {**given, "client_secret": secret, "token_secret": SECRET}
    async with intake_with(database, clock, issuer, **more) as intake:
        app = Starlette(routes=[Mount(PATH, routes=routes(address, secret)), Mount("/", app=intake.web)])
        async with served(app, port), httpx.AsyncClient(base_url=address, trust_env=False) as client:
            yield Front(address, client)
    folder.release()


async def test_every_role_has_a_button_that_says_what_it_does_and_signs_in(front: Front) -> None:
    page = unescape((await front.client.get(await front.led_to_the_issuer())).text)
    assert "<script" not in page
    assert set(ROLES) == WHAT_THEY_DO.keys()
    for role in ROLES:
        assert WHAT_THEY_DO[role] in page
        assert (await front.signs_in(role)).status_code == 303
        told = (await front.client.get("/session")).json()
        assert (told["subject"], told["roles"], told["facilities"]) == (f"dev-{role}", [role], ["*"])


async def test_a_link_with_a_token_goes_on_signing_in(front: Front) -> None:
    page = await front.client.get("/sign-in")
    given = {
        "form_token": form_token(page.text),
        "token": dev_tokens(SECRET, datetime.now(UTC))["coordinator"],
        "then": "/placement/",
    }
    answer = await front.client.post("/sign-in", data=given)
    assert (answer.status_code, answer.headers["location"]) == (303, "/placement/")
    assert (await front.client.get("/session")).json()["subject"] == "dev-coordinator"


async def test_its_refresh_tokens_are_good_once_and_a_session_uses_each_once(front: Front, clock: SetClock) -> None:
    await front.signs_in("coordinator")
    for _ in range(3):
        clock.forward(timedelta(minutes=16))
        answers = await asyncio.gather(*(front.client.get("/session") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}


async def test_who_signs_out_comes_back_to_a_page_that_says_so_and_is_not_refreshed(front: Front) -> None:
    await front.signs_in("coordinator")
    token = sessions.token_of(front.client.cookies[sessions.SESSION])
    page = await front.client.post("/sign-out", data={"form_token": token})
    to = await front.client.get(page.headers["refresh"].removeprefix("0; url="))
    assert to.headers["location"] == f"{front.address}/sign-out"
    assert "You are signed out" in (await front.client.get("/sign-out")).text
    assert (await front.client.get("/session")).status_code == 401


@pytest.mark.parametrize(
    "parts",
    [
        {"redirect_uri": "https://evil.test/"},
        {"client_id": "another"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"response_type": "token"},
    ],
)
async def test_it_leads_nobody_anywhere_else_and_wants_pkce(front: Front, parts: dict[str, str]) -> None:
    at_issuer = await front.led_to_the_issuer()
    asked = dict(parse_qsl(urlsplit(at_issuer).query)) | parts
    for method in ("GET", "POST"):
        answer = await front.client.request(method, f"{at_issuer.partition('?')[0]}?{urlencode(asked)}")
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


async def test_another_sites_form_chooses_no_role_and_another_host_name_leads_nowhere(front: Front) -> None:
    at_issuer = await front.led_to_the_issuer()
    strange = {"sec-fetch-site": "cross-site"}
    assert (await front.client.post(at_issuer, data={"role": "admin"}, headers=strange)).status_code == 403
    assert (await front.client.get(at_issuer, headers={"host": "rebound.test"})).status_code == 421


ASKED = AuthorizationRequest(
    "http://desk.test/signed-in", "state", "nonce", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
)
"""The challenge is of an empty verifier."""
EXCHANGED = {"redirect_uri": ASKED.back, "code_verifier": ""}


class Later:
    """A clock."""

    def __init__(self) -> None:
        self.at = 1.0e9

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def grants(later: Later) -> Grants:
    return Grants("http://desk.test/development-issuer", "secret", ASKED.back, later)


def test_a_code_is_good_once_for_a_minute_and_for_who_has_the_verifier(grants: Grants, later: Later) -> None:
    code = grants.code(ASKED, "admin")
    assert grants.exchange({**EXCHANGED, "code": code})["token_type"] == "Bearer"
    for given in (
        {**EXCHANGED, "code": code},
        {**EXCHANGED, "code": grants.code(ASKED, "admin"), "code_verifier": "guessed"},
        {**EXCHANGED, "code": grants.code(ASKED, "admin"), "redirect_uri": "http://evil.test"},
        {**EXCHANGED, "code": uuid.uuid4().hex},
    ):
        with pytest.raises(RefusedGrant):
            grants.exchange(given)
    old = grants.code(ASKED, "admin")
    later.at += CODE_SECONDS + 1
    with pytest.raises(RefusedGrant):
        grants.exchange({**EXCHANGED, "code": old})


def test_a_refresh_token_that_comes_twice_ends_what_came_of_it(grants: Grants) -> None:
    first = grants.exchange({**EXCHANGED, "code": grants.code(ASKED, "admin")})["refresh_token"]
    second = grants.refresh({"refresh_token": first})["refresh_token"]
    for stolen in (first, second):
        with pytest.raises(RefusedGrant):
            grants.refresh({"refresh_token": stolen})


def test_it_keeps_so_much_and_no_more(grants: Grants) -> None:
    first = grants.code(ASKED, "admin")
    for _ in range(MOST):
        grants.code(ASKED, "admin")
    with pytest.raises(RefusedGrant):
        grants.exchange({**EXCHANGED, "code": first})


def test_a_client_without_the_secret_gets_nothing(grants: Grants) -> None:
    grants.is_client("", {"client_id": "stepdown", "client_secret": "secret"})
    for header, fields in (
        ("", {}),
        ("Basic c3RlcGRvd246d3Jvbmc=", {}),
        ("Basic %", {}),
        ("", {"client_id": "stepdown"}),
    ):
        with pytest.raises(RefusedGrant):
            grants.is_client(header, fields)


async def test_a_state_comes_back_as_it_was_sent(front: Front) -> None:
    at_issuer = await front.led_to_the_issuer()
    back = parse_qs(urlsplit((await front.chosen(at_issuer, "admin")).headers["location"]).query)
    assert back["state"] == parse_qs(urlsplit(at_issuer).query)["state"]
    assert back["iss"] == [front.address + PATH]
