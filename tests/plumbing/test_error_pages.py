"""What went wrong is a page for people, with what happened and what to do, and problem+json for programs."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

import httpx
import orjson
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.errors import InvalidMessage, Rejected, Transient
from shared.logs import JsonLines
from shared.storage.database import DatabaseFault
from shared.web.app import Problem, web_app
from shared.web.auth import DEV_ISSUER, Tokens
from shared.web.pages import Pages
from shared.web.requests import BODY_BYTES, body, missing, unfit

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SECRET = "Ann Larkspur, born 1980"
FRAME = Pages("Desk", {}, "desk")


class Number(BaseModel):
    number: int


FAULTS: dict[str, Exception] = {
    "forbidden": Problem(HTTPStatus.FORBIDDEN, "forbidden", "this needs one of the roles coordinator"),
    "missing": missing(),
    "unfit": unfit("list", "this list has no colour"),
    "often": Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-often", "asked too often", retry_after=30),
    "away": Transient("the database can't be reached"),
    "refused": Rejected("no-seat", "the program has no seat", possible=("offer",)),
    "invalid": InvalidMessage("the body is not JSON"),
    "broken": RuntimeError(SECRET),
    "database": DatabaseFault("the database refused a statement (SQLSTATE 42P01)"),
}


def raising(fault: Exception) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        raise fault

    return endpoint


async def unread(_: Request) -> Response:
    Number.model_validate({"number": SECRET})
    return PlainTextResponse("read")


async def takes(request: Request) -> Response:
    return PlainTextResponse(str(len(await body(request))))


async def begun(_: Request) -> Response:
    async def halves() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError(SECRET)

    return _Stream(halves())


class _Stream(Response):
    """An answer that fails in its middle."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        super().__init__()
        self.parts = parts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async for part in self.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})


async def _ready() -> dict[str, str]:
    return {}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """A service whose pages, and API, end with every kind of fault: pages in their frame, and outside of it."""
    routes = [
        *(
            Route(f"/framed/{name}", FRAME.page(raising(fault)), methods=["GET", "POST"])
            for name, fault in FAULTS.items()
        ),
        *(Route(f"/plain/{name}", raising(fault), methods=["GET", "POST"]) for name, fault in FAULTS.items()),
        *(Route(f"/api/{name}", raising(fault)) for name, fault in FAULTS.items()),
        Route("/framed/long", FRAME.page(takes), methods=["POST"]),
        Route("/api/long", takes, methods=["POST"]),
        Route("/plain/unread", unread),
        Route("/plain/begun", begun),
        *FRAME.routes(),
    ]
    tokens = Tokens("k" * 32, DEV_ISSUER, ("HS256",))
    app = web_app(title="desk", tokens=tokens, ready=_ready, routes=routes, pages=FRAME)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://one.test") as client:
        yield client


PAGES = {
    "forbidden": (403, "This page is not for your role", "Your role does not open this page"),
    "missing": (404, "There is nothing here that you may see", "begin from the lists"),
    "unfit": (422, "This address is none of ours", "Begin from the lists"),
    "often": (429, "That was too often", "Wait a little, then do it again"),
    "away": (503, "Just now this does not work", "try again in a moment"),
    "refused": (409, "Not possible now", "the program has no seat"),
    "invalid": (400, "This did not work", "The body is not JSON"),
    "broken": (500, "Something failed here", "look whether it is there before you record it again"),
    "database": (500, "Something failed here", "look whether it is there before you record it again"),
}


@pytest.mark.parametrize("prefix", ["", "/desk"], ids=["by itself", "behind one host"])
@pytest.mark.parametrize("where", ["framed", "plain"])
@pytest.mark.parametrize("name", PAGES)
async def test_a_browser_is_shown_what_happened_and_what_to_do(
    http: httpx.AsyncClient, name: str, where: str, prefix: str
) -> None:
    status, heading, what_to_do = PAGES[name]
    answer = await http.get(f"{prefix}/{where}/{name}", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert f"<h1>{heading}</h1>" in answer.text
    assert what_to_do in answer.text
    assert f'href="{prefix}/"' in answer.text, "the way to the lists"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in answer.text
    assert answer.headers.get("retry-after") == {"often": "30", "away": "2"}.get(name)


@pytest.mark.parametrize("name", PAGES)
async def test_a_program_is_answered_with_a_problem(http: httpx.AsyncClient, name: str) -> None:
    for path, accept in ((f"/api/{name}", BROWSER), (f"/plain/{name}", {"accept": "*/*"})):
        answer = await http.get(path, headers=accept)
        assert (answer.status_code, answer.headers["content-type"]) == (PAGES[name][0], "application/problem+json")
        assert SECRET not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "accept"), [("/framed/broken", BROWSER), ("/api/broken", {}), ("/plain/broken", BROWSER)]
)
async def test_the_number_that_is_told_is_in_the_log_with_the_place_of_the_fault_and_no_value(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, accept: dict[str, str]
) -> None:
    caplog.set_level(logging.INFO, "shared.web")
    answer = await http.get(path, headers=accept)
    told = re.findall(r'class="reference">([0-9a-f]{10})<', answer.text) or [answer.json()["reference"]]
    [line] = [one for one in caplog.records if one.levelname == "ERROR"]
    written = orjson.loads(JsonLines("desk").format(line))
    assert (written["event"], written["route"], [written["reference"]]) == ("a request failed", path, told)
    assert written["fault"]["kind"] == "RuntimeError"
    assert SECRET not in JsonLines("desk").format(line)
    [request] = [vars(one) for one in caplog.records if one.name == "shared.web.each_request"]
    assert (request["status"], request["trace"].endswith(told[0])) == (500, True)


async def test_what_is_too_long_is_said_in_words_to_people_and_in_bytes_to_programs(http: httpx.AsyncClient) -> None:
    long = b"a" * (BODY_BYTES + 1)
    page = await http.post("/framed/long", content=long, headers=BROWSER)
    assert (page.status_code, "<h1>That was too much at once</h1>" in page.text) == (413, True)
    assert str(BODY_BYTES) not in page.text
    assert str(BODY_BYTES) in (await http.post("/api/long", content=long)).text


async def test_a_page_says_it_in_the_reader_s_language(http: httpx.AsyncClient) -> None:
    for path in ("/framed/broken", "/plain/broken"):
        answer = await http.get(path, headers={**BROWSER, "accept-language": "es"})
        assert "<h1>Aquí falló algo</h1>" in answer.text


async def test_what_does_not_fit_a_model_is_no_fault_of_ours(http: httpx.AsyncClient) -> None:
    answer = await http.get("/plain/unread", headers=BROWSER)
    assert (answer.status_code, SECRET in answer.text) == (422, False)


async def test_where_the_page_of_an_error_fails_too_a_problem_is_answered(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pages, "render", lambda *_, **__: 1 / 0)
    for path, status in (("/framed/missing", 500), ("/plain/missing", 404), ("/plain/broken", 500)):
        answer = await http.get(path, headers=BROWSER)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_an_answer_that_had_begun_ends(http: httpx.AsyncClient) -> None:
    with pytest.raises(RuntimeError):
        await http.get("/plain/begun")
