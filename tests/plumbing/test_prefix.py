"""One host for three services: a service answers below its own prefix too, and its pages stay there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web import sessions
from shared.web.app import JSON, web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.pages import Pages
from tests.browsing import Browser
from tests.plumbing.test_pages import KEY, token

FRAME = Pages("A desk", {"well-done": "it is done"})
SIGN_IN = re.compile(r"<section class=.(?:sign-in|sorry).>.*?</section>", re.DOTALL)
"""People sign in once for all services: these pages lead there, and to where they came from."""
FIND_BOX = re.compile(r'<form[^>]*action="/intake/find".*?</form>\n?', re.DOTALL)
STREAMS = re.compile(r' data-(?:base|streams)="[^"]*"')
RAIL = re.compile(r'<nav class="rail.*?</nav>\n?', re.DOTALL)
FORM_TOKENS = re.compile(r'(?<=name="form_token" value=")[^"]*')
ADDRESSES = re.compile(r'(?:href|src|action|data-here)="([^"]*)"')


async def home(request: Request) -> Response:
    return FRAME.render(request, "layout.html", who=sessions.page_caller(request, "coordinator"))


async def act(request: Request) -> Response:
    await sessions.form(request)
    return FRAME.go(request, "/?list=offers", "well-done")


async def told(request: Request) -> Response:
    return JSON({"path": request.url.path, "asked": request.url.query})


async def made(_: Request) -> Response:
    return JSON({}, 201, {"location": "/api/things/1"})


async def _ready() -> dict[str, str]:
    return {}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = [
        Route("/", FRAME.page(home)),
        Route("/act", FRAME.page(act), methods=["POST"]),
        Route("/api/things", told),
        Route("/api/things", made, methods=["POST"]),
        *FRAME.routes(),
    ]
    tokens = Tokens(KEY, DEV_ISSUER, ("HS256",))
    app = web_app(title="desk", tokens=tokens, ready=_ready, routes=routes, pages=FRAME)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://one.test") as client:
        yield client


@pytest.mark.parametrize("below", ["", "/desk"])
async def test_somebody_signs_in_works_and_signs_out_below_the_prefix_as_without_it(
    client: httpx.AsyncClient, below: str
) -> None:
    browser = Browser(client, below)
    begun = await client.get(f"{below}/")
    assert begun.headers["location"] == ("/sign-in?then=%2Fdesk%2F" if below else "/sign-in"), "it is for all services"
    asked = await browser.open("/sign-in")
    page = await browser.send(asked, asked.frame["Sign in"], token=token("coordinator"))
    assert (page.status, page.address) == (200, f"{below}/")
    done = await client.post(f"{below}/act", data=page.frame["Sign out"].fields, follow_redirects=True)
    assert (done.url.raw_path.decode(), "It is done" in done.text) == (f"{below}/?list=offers", True)
    assert (await browser.send(page, page.frame["Sign out"])).address == "/sign-in"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nowhere"])
async def test_a_page_differs_in_its_addresses_and_in_that_intake_is_beside_it(
    client: httpx.AsyncClient, path: str
) -> None:
    await Browser(client).enter(token("coordinator"))
    headers = {"accept": "text/html"}
    plain, below = [SIGN_IN.sub("", (await client.get(at + path, headers=headers)).text) for at in ("", "/desk")]
    assert [each for each in ADDRESSES.findall(below) if each != "/intake/find"] == [
        each if each.startswith("#") else f"/desk{each}" for each in ADDRESSES.findall(plain)
    ]
    assert _alike(below).replace(' data-intake="/intake"', "", 1) == _alike(plain)
    assert "data-intake" not in plain


def _alike(page: str) -> str:
    """A page without its addresses, the streams that it listens to, the masks of form tokens, and what only stands
    behind one host: the box and the other services' lists."""
    page = RAIL.sub("", FORM_TOKENS.sub("", page))
    return STREAMS.sub("", ADDRESSES.sub("", FIND_BOX.sub("", page)))


async def test_every_file_that_a_page_loads_is_there_below_the_prefix(client: httpx.AsyncClient) -> None:
    page = await client.get("/desk/sign-in")
    files = [each for each in ADDRESSES.findall(page.text) if "/assets/" in each]
    assert len(files) >= 3
    assert {(await client.get(each)).status_code for each in files} == {200}


async def test_an_endpoint_sees_the_address_without_the_prefix(client: httpx.AsyncClient) -> None:
    """Else one request sent by two ways would have two idempotency keys."""
    plain, below = [(await client.get(f"{at}/api/things?a=%2F")).json() for at in ("", "/desk")]
    assert plain == below == {"path": "/api/things", "asked": "a=%2F"}


async def test_what_was_made_is_found_by_its_location(client: httpx.AsyncClient) -> None:
    for at in ("", "/desk"):
        assert (await client.post(f"{at}/api/things")).headers["location"] == f"{at}/api/things/1"


async def test_a_slash_too_many_is_redirected_below_the_prefix(client: httpx.AsyncClient) -> None:
    for at in ("", "/desk"):
        answer = await client.get(f"{at}/api/things/?a=1")
        assert (answer.status_code, answer.headers["location"]) == (307, f"http://one.test{at}/api/things?a=1")


async def test_the_prefix_alone_is_the_first_page(client: httpx.AsyncClient) -> None:
    await Browser(client).enter(token("coordinator"))
    pages = [(await client.get(at)).text for at in ("/desk", "/desk/")]
    assert _alike(pages[0]) == _alike(pages[1])


@pytest.mark.parametrize(
    "path",
    [
        "/desk/metrics",
        "/desk/health/ready",
        "/desk/health/live",
        "/desk/%6detrics",
        "/desk/desk/metrics",
        "/desk/desk",
        "/desk/desk/sign-in",
        "/deskmetrics",
        "/desktop/sign-in",
        "/other/sign-in",
    ],
)
async def test_health_and_metrics_are_not_below_the_prefix_and_no_other_prefix_is_known(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).status_code == 404
