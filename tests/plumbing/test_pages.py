"""Signing in with a browser, forms of our own and of others, and what pages send along; no database, no service."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.errors import Rejected, Transient
from shared.web import sessions
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Tokens
from shared.web.pages import ASSETS, Pages
from tests.browsing import Browser

KEY = "k" * 32
FRAME = Pages("A desk", {"well-done": "it is done"})


def token(*roles: str, key: str = KEY, hours: int = 1) -> str:
    claims = {"sub": "u1", "roles": roles, "facilities": ["*"], "iss": DEV_ISSUER, "aud": AUDIENCE}
    return jwt.encode(claims | {"exp": datetime.now(UTC) + timedelta(hours=hours)}, key, algorithm="HS256")


async def home(request: Request) -> Response:
    who = sessions.page_caller(request, "coordinator")
    return FRAME.render(request, "layout.html", who=who)


async def act(request: Request) -> Response:
    sessions.page_caller(request, "coordinator")
    fields = await sessions.form(request)
    if fields.get("away"):
        raise Transient("the database can't be reached")
    if fields.get("no"):
        raise Rejected("no", "the offer is declined", possible=("offer-again",))
    return FRAME.go(request, "/", "well-done" if not fields.get("strange") else "<b>strange</b>")


async def _ready() -> dict[str, str]:
    return {}


def app_of(tokens: Tokens | None) -> httpx.ASGITransport:
    routes = [Route("/", FRAME.page(home)), Route("/act", FRAME.page(act), methods=["POST"]), *FRAME.routes()]
    return httpx.ASGITransport(web_app(title="desk", tokens=tokens, ready=_ready, routes=routes))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    transport = app_of(Tokens(KEY, DEV_ISSUER, ("HS256",)))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        yield Browser(client)


async def test_who_is_not_signed_in_is_led_to_where_one_signs_in_and_then_to_the_page(browser: Browser) -> None:
    page = await browser.open("/")
    assert page.address == "/sign-in"
    page = await browser.sign_in(token("coordinator"))
    assert (page.status, page.address) == (200, "/")
    assert "u1" in page.text


async def test_a_token_pasted_with_its_scheme_and_line_breaks_is_taken(browser: Browser) -> None:
    given = token("coordinator")
    page = await browser.sign_in(f" Bearer {given[:40]}\n{given[40:]}\n")
    assert page.address == "/"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("nonsense", 401),
        (token("coordinator", key="x" * 32), 401),
        (token("coordinator", hours=-1), 401),
        ("", 401),
        ("x" * 5000, 422),
    ],
    ids=["nonsense", "another-key", "expired", "empty", "too-long"],
)
async def test_a_token_that_is_not_valid_here_signs_nobody_in(browser: Browser, given: str, status: int) -> None:
    page = await browser.sign_in(given)
    assert page.status == status
    assert page.notice
    assert sessions.SESSION not in browser.client.cookies
    assert not given or given not in page.text


async def test_the_cookie_is_for_no_script_and_no_other_sites_form_and_secure_where_the_page_is(
    browser: Browser,
) -> None:
    for base, secure in (("http://desk.test", False), ("https://desk.test", True)):
        browser.client.base_url = httpx.URL(base)
        browser.client.cookies.clear()
        page = await browser.open("/sign-in")
        fields = {**page.frame["Sign in"].fields, "token": token("coordinator")}
        answer = await browser.client.post("/sign-in", data=fields)
        [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith(sessions.SESSION)]
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert ("secure" in flags) is secure
        assert "domain" not in cookie.lower()


async def test_who_signs_out_is_nobody_any_more(browser: Browser) -> None:
    page = await browser.sign_in(token("coordinator"))
    page = await browser.send(page, page.frame["Sign out"])
    assert page.address == "/sign-in"
    assert (await browser.open("/")).address == "/sign-in"


async def test_a_form_of_ours_is_done_and_says_so_once(browser: Browser) -> None:
    page = await browser.sign_in(token("coordinator"))
    fields = page.frame["Sign out"].fields
    answer = await browser.client.post("/act", data=fields, follow_redirects=True)
    assert "It is done" in answer.text
    assert "It is done" not in (await browser.open("/")).text


@pytest.mark.parametrize(
    ("change", "headers", "status"),
    [
        ({"form_token": ""}, {}, 403),
        ({"form_token": "0" * 64}, {}, 403),
        ({"form_token": sessions.token_of("")}, {}, 403),
        ({}, {"sec-fetch-site": "cross-site"}, 403),
        ({}, {"sec-fetch-site": "same-site"}, 403),
        ({}, {"content-type": "text/plain"}, 415),
    ],
    ids=["without", "guessed", "of-nobody", "another-site", "another-host", "no-form"],
)
async def test_a_form_that_is_not_ours_is_refused(
    browser: Browser, change: dict[str, str], headers: dict[str, str], status: int
) -> None:
    page = await browser.sign_in(token("coordinator"))
    fields = {**page.frame["Sign out"].fields, **change}
    answer = await browser.client.post("/act", data=fields, headers=headers)
    assert answer.status_code == status


async def test_a_page_is_compressed_and_its_form_token_is_another_text_in_each_answer(browser: Browser) -> None:
    first, second = await browser.sign_in(token("coordinator")), await browser.open("/")
    assert first.answer.headers["content-encoding"] == second.answer.headers["content-encoding"] == "gzip"
    tokens = [each.frame["Sign out"].fields["form_token"] for each in (first, second)]
    assert tokens[0] != tokens[1]
    for each in tokens:
        answer = await browser.client.post("/act", data={"form_token": each}, follow_redirects=True)
        assert "It is done" in answer.text
    plain = await browser.client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "accept-encoding"


async def test_a_form_of_one_session_is_not_one_of_another(browser: Browser) -> None:
    page = await browser.sign_in(token("coordinator"))
    fields = page.frame["Sign out"].fields
    await browser.sign_in(token("coordinator", hours=2))
    assert (await browser.client.post("/act", data=fields)).status_code == 403


async def test_the_sign_in_form_needs_its_own_token_too(browser: Browser) -> None:
    await browser.open("/sign-in")
    answer = await browser.client.post("/sign-in", data={"token": token("coordinator")})
    assert answer.status_code == 403
    assert sessions.SESSION not in browser.client.cookies


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"a=1&a=2", 400), (b"a=%ff", 400), ("a=é".encode(), 400), (b"a=%00", 400), (b"a=" + b"x" * 70_000, 413)],
    ids=["twice", "no-utf-8", "no-ascii", "nul", "too-long"],
)
async def test_a_form_that_cannot_be_read_is_refused(browser: Browser, body: bytes, status: int) -> None:
    await browser.sign_in(token("coordinator"))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await browser.client.post("/act", content=body, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("field", "status", "said"),
    [
        ("no", 409, "Not possible now: the offer is declined. Possible now: offer again."),
        ("away", 503, "The database can't be reached: try again in a moment"),
    ],
)
async def test_a_refusal_is_a_page_in_words(browser: Browser, field: str, status: int, said: str) -> None:
    page = await browser.sign_in(token("coordinator"))
    fields = {**page.frame["Sign out"].fields, field: "1"}
    answer = await browser.client.post("/act", data=fields)
    assert answer.status_code == status
    assert said in answer.text.replace("&#39;", "'")


async def test_a_sentence_that_we_do_not_know_is_not_shown(browser: Browser) -> None:
    page = await browser.sign_in(token("coordinator"))
    fields = {**page.frame["Sign out"].fields, "strange": "1"}
    answer = await browser.client.post("/act", data=fields, follow_redirects=True)
    assert answer.status_code == 200
    assert "strange" not in answer.text


async def test_a_page_may_load_and_call_what_is_on_its_own_host_and_nothing_else(browser: Browser) -> None:
    page = await browser.sign_in(token("coordinator"))
    policy = dict(part.strip().split(" ", 1) for part in page.answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert page.answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("name", [path.name for path in sorted(ASSETS.glob("*.html"))])
def test_no_template_has_script_or_style_of_its_own(name: str) -> None:
    text = Path(ASSETS / name).read_text(encoding="utf-8")
    assert "<style" not in text
    assert "style=" not in text
    assert "<script>" not in text
    assert not re.search(r"\son\w+=", text)


async def test_files_of_pages_are_served_for_ever_under_their_digest(browser: Browser) -> None:
    page = await browser.open("/sign-in")
    address = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = await browser.client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]
    gone = await asyncio.gather(*(browser.client.get(f"/assets/{name}") for name in ("x.css", "layout.html")))
    assert {answer.status_code for answer in gone} == {404}


async def test_without_a_token_issuer_nobody_signs_in() -> None:
    async with httpx.AsyncClient(transport=app_of(None), base_url="http://desk.test") as client:
        page = await Browser(client).sign_in(token("coordinator"))
    assert page.status == 401
    assert "no token issuer is configured" in page.notice.lower()
