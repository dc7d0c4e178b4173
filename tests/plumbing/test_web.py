"""What the HTTP side of every service answers to odd callers, methods and addresses; no database, no broker."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import httpx
import jwt
import pytest
from starlette.routing import Route

from shared.run import ServiceProcess
from shared.settings import Settings
from shared.web.auth import AUDIENCE, DEV_ISSUER

KEY = "k" * 32
SERVICES = ("intake", "placement", "aftercare")
READ = {"intake": "/api/feeds", "placement": "/api/episodes", "aftercare": "/api/follow-ups"}
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> ServiceProcess:
    """Each service, assembled; nothing that it stands on is there."""
    given: dict[str, Any] = {
        "database_url": "postgresql://nobody@127.0.0.1:1/nothing",
        "message_keys": f"k1:{base64.b64encode(bytes(32)).decode()}",
        "token_secret": KEY,
    }
    made: ServiceProcess = import_module(f"services.{request.param}.app").assemble(Settings.model_validate(given))
    return made


@pytest.fixture
def http(service: ServiceProcess) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(service.web)
    return httpx.AsyncClient(transport=transport, base_url=f"http://{service.name}")


def by(**claims: Any) -> dict[str, str]:
    """The header of somebody with these claims, rightly signed."""
    told = {"sub": "u1", "roles": ["admin"], "facilities": ["*"], "iss": DEV_ISSUER, "aud": AUDIENCE, **claims}
    token = jwt.encode({**told, "exp": datetime.now(UTC) + timedelta(hours=1)}, KEY, algorithm="HS256")
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("subject", ["", "a\0b", "a\nb", "\x1b[31m", "a\x7f", "a\u0085b", "\ud800", "x" * 201])
async def test_a_subject_that_can_not_be_noted_signs_nobody_in(
    http: httpx.AsyncClient, service: ServiceProcess, subject: str
) -> None:
    """It would stand in the audit: a text that no column takes was an error of ours (500)."""
    answer = await http.get(READ[service.name], headers=by(sub=subject))
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:stepdown:problem:not-signed-in")
    assert (await http.get(READ[service.name], headers=by(sub="x" * 200, roles=[]))).status_code == 403


@pytest.mark.parametrize("claim", ["roles", "facilities"])
async def test_what_no_text_can_be_among_claims_gives_no_rights(service: ServiceProcess, claim: str) -> None:
    who = service.web.state.tokens.caller(by(**{claim: ["a\0b", "\ud800", 5, "auditor"]})["authorization"])
    assert getattr(who, claim) == {"auditor"}


def paths(service: ServiceProcess) -> Iterator[tuple[str, set[str]]]:
    """Each address of the service, and the methods that it has: also those of a pattern that it fits."""
    every = [route for route in service.web.routes if isinstance(route, Route)]
    for path in {route.path for route in every}:
        of = [route for route in every if route.path == path or route.path_regex.match(path)]
        yield path, {method for route in of for method in route.methods or ()}


async def test_a_method_that_an_address_has_not_is_answered_with_those_that_it_has(
    http: httpx.AsyncClient, service: ServiceProcess
) -> None:
    """RFC 9110 15.5.6, and 9.3.7 for OPTIONS."""
    for path, methods in paths(service):
        address = path.replace("{", "").replace("}", "").replace(":path", "")
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"} - methods:
            answer = await http.request(method, address)
            assert answer.status_code == (204 if method == "OPTIONS" else 405), (method, path)
            assert set(answer.headers["allow"].split(", ")) == {*methods, "OPTIONS"}, (method, path)
            if method not in {"HEAD", "OPTIONS"}:
                media = "application/fhir+json" if address.startswith("/fhir") else "application/problem+json"
                assert answer.headers["content-type"] == media, (method, path)


async def test_an_address_that_is_none_is_a_page_in_a_browser_and_a_problem_elsewhere(
    http: httpx.AsyncClient, service: ServiceProcess
) -> None:
    for path in ("/nowhere", "/api/nowhere"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert (await http.get(path, headers={"accept": "*/*"})).headers["content-type"] == "application/problem+json"
    answer = await http.get("/nowhere", headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in answer.text
    assert "nowhere" not in answer.text
    answer = await http.get("/api/nowhere", headers=BROWSER)
    assert answer.headers["content-type"] == "application/problem+json", "the API is for programs"


async def test_where_only_forms_are_taken_a_browser_is_shown_the_way_back(
    http: httpx.AsyncClient, service: ServiceProcess
) -> None:
    taken = next((path for path, methods in paths(service) if methods == {"POST"} and not path.startswith("/api")), "")
    if service.name == "intake":
        taken = "/hl7v2"
    answer = await http.get(taken.replace("{id}", "x"), headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert 'href="/"' in answer.text


async def test_intake_says_on_its_first_page_what_it_is(http: httpx.AsyncClient, service: ServiceProcess) -> None:
    if service.name == "intake":
        answer = await http.get("/", headers=BROWSER)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "/api/openapi.json" in answer.text
