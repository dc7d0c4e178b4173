"""What is noted of an HTTP request: its route's template, never its address, and who asked by role alone."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.web.app import Problem, caller, web_app
from shared.web.auth import DEV_ISSUER, Tokens, dev_tokens
from tests.waiting import until

SECRET = "0" * 64
VALUE = "DOE-JANE-4711"
NAME = "noted"


async def _one(request: Request) -> Response:
    caller(request, "coordinator", "clinician")
    return Response(request.path_params["id"])


async def _fails(_: Request) -> Response:
    raise RuntimeError(VALUE)


async def _refuses(_: Request) -> Response:
    raise Problem(HTTPStatus.CONFLICT, "no", VALUE)


async def _ready() -> dict[str, str]:
    return {}


@pytest.fixture(params=[True, False], ids=["logged", "not logged"])
def logged(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def http(logged: bool) -> AsyncIterator[httpx.AsyncClient]:
    """A service's web side with three routes."""
    app = web_app(
        title=NAME,
        tokens=Tokens(SECRET, DEV_ISSUER, ("HS256",)),
        ready=_ready,
        routes=[Route("/api/people/{id}", _one), Route("/fails", _fails), Route("/refuses", _refuses)],
        logged=logged,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://noted") as client:
        yield client


def counted(route: str, method: str, status: str) -> float:
    labels = {"service": NAME, "route": route, "method": method, "status": status}
    return REGISTRY.get_sample_value("stepdown_http_requests_total", labels) or 0.0


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The extras of the request log's lines."""
    found = [vars(one) for one in caplog.records if one.name == "shared.web.each_request"]
    return [{name: one[name] for name in ("method", "route", "status", "roles")} for one in found]


ROLE = {"authorization": f"Bearer {dev_tokens(SECRET, datetime.now(UTC))['coordinator']}"}


@pytest.mark.parametrize(
    ("asked", "route", "method", "status", "roles"),
    [
        (("GET", f"/api/people/{VALUE}?name={VALUE}", ROLE), "/api/people/{id}", "GET", 200, "coordinator"),
        (("GET", f"/api/people/{VALUE}", {}), "/api/people/{id}", "GET", 401, ""),
        (("DELETE", f"/api/people/{VALUE}", {}), "/api/people/{id}", "DELETE", 405, ""),
        ((VALUE, f"/{VALUE}/{VALUE}", {}), "none", "other", 404, ""),
        (("GET", f"/fails?{VALUE}", {}), "/fails", "GET", 500, ""),
        (("GET", "/refuses", {}), "/refuses", "GET", 409, ""),
    ],
    ids=["answered", "not signed in", "wrong method", "no such address", "failed", "refused"],
)
async def test_a_request_is_noted_by_its_route_and_never_by_what_the_caller_wrote(
    http: httpx.AsyncClient,
    logged: bool,
    caplog: pytest.LogCaptureFixture,
    asked: tuple[str, str, dict[str, str]],
    route: str,
    method: str,
    status: int,
    roles: str,
) -> None:
    caplog.set_level(logging.INFO, "shared.web")
    before = counted(route, method, f"{status // 100}xx")
    verb, address, headers = asked
    answer = await http.request(verb, address, headers=headers)
    assert answer.status_code == status
    await until(lambda: counted(route, method, f"{status // 100}xx") == before + 1)
    expected = [{"method": method, "route": route, "status": status, "roles": roles}]
    assert lines(caplog) == (expected if logged else [])
    noted = [vars(one) for one in caplog.records if one.name == "shared.web.each_request"]
    assert VALUE not in repr(noted)
    assert VALUE not in generate_latest().decode()


async def test_health_and_metrics_are_counted_and_not_logged(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shared.web")
    before = counted("/metrics", "GET", "2xx")
    assert (await http.get("/health/live")).status_code == 200
    page = (await http.get("/metrics")).text
    assert counted("/metrics", "GET", "2xx") == before + 1
    assert f'stepdown_http_in_flight{{service="{NAME}"}} 1.0' in page, "the request for this page itself"
    assert REGISTRY.get_sample_value("stepdown_http_in_flight", {"service": NAME}) == 0
    assert lines(caplog) == []


async def test_a_request_line_has_the_trace_that_its_facts_have(
    http: httpx.AsyncClient, logged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "shared.web")
    trace = "0af7651916cd43dd8448eb211c80319c"
    await http.get("/refuses", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert [vars(one)["trace"] for one in caplog.records if one.name == "shared.web.each_request"] == [trace] * logged
