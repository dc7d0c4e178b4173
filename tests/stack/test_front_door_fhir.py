"""One base of FHIR at the front door: each type at its service, and a search of two services as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.stack.test_front_door import opened
from tools.stack.front.door import FrontDoor
from tools.stack.front.fhir import asks


@pytest.mark.parametrize(
    ("method", "path", "services"),
    [
        ("GET", "/fhir/EpisodeOfCare?x=1", ("placement",)),
        ("GET", "/fhir/Encounter", ("placement",)),
        ("POST", "/fhir/Encounter", ("intake",)),
        ("POST", "/fhir/Encounter/_search", ("placement",)),
        ("GET", "/fhir/Encounter/p-1-2", ("placement",)),
        ("GET", "/fhir/Encounter/their-own", ("intake",)),
        ("PUT", "/fhir/Encounter/p-1-2", ("intake",)),
        ("GET", "/fhir/Task", ("placement", "aftercare")),
        ("GET", "/fhir/Task/a-1", ("aftercare",)),
        ("GET", "/fhir/Task/p-1-2", ("placement",)),
        ("GET", "/fhir/Task/another", ("placement",)),
        ("GET", "/fhir/CarePlan/a-1", ("aftercare",)),
        ("GET", "/fhir/Patient/1", ("intake",)),
        ("POST", "/fhir/$process-message", ("intake",)),
        ("GET", "/fhir/metadata", ("placement", "intake", "aftercare")),
        ("GET", "/fhir/.well-known/smart-configuration", ("intake",)),
        ("GET", "/fhir", ("intake",)),
    ],
)
def test_each_type_is_asked_of_the_services_that_have_it(method: str, path: str, services: tuple[str, ...]) -> None:
    assert asks(method, path.partition("?")[0]).services == services


def _service(letter: str, number: int) -> Starlette:
    """A service with so many Tasks, in pages as long as is asked for."""

    async def tasks(request: Request) -> Response:
        asked = dict(request.query_params)
        if request.method == "POST":
            asked |= dict(parse_qsl((await request.body()).decode()))
        if asked.get("status") == "odd":
            return JSONResponse({"resourceType": "OperationOutcome"}, 400)
        first, most = int(asked.get("_cursor", 0)), int(asked.get("_count", 50))
        names = [f"{letter}-{one}" for one in range(number)][first : first + most]
        entries = [{"resource": {"resourceType": "Task", "id": one}, "search": {"mode": "match"}} for one in names]
        links = [{"relation": "self", "url": "http://host/fhir/Task?status=x"}]
        told: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
        if first + most < number:
            links.append({"relation": "next", "url": f"http://host/fhir/Task?_cursor={first + most}"})
        elif not first:
            told["total"] = number
        return JSONResponse(told, media_type="application/fhir+json")

    async def statement(_: Request) -> Response:
        search = [{"name": each, "type": "token"} for each in ("status", letter)]
        kinds = [{"type": "Task", "interaction": [{"code": "search-type"}], "searchParam": search}]
        return JSONResponse({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": kinds}]})

    return Starlette(
        routes=[
            Route("/fhir/Task", tasks),
            Route("/fhir/Task/_search", tasks, methods=["POST"]),
            Route("/fhir/metadata", statement),
        ]
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The front door before a placement with five Tasks and an aftercare with three."""
    async with AsyncExitStack() as stack:
        inner = {}
        for name, number in (("intake", 0), ("placement", 5), ("aftercare", 3)):
            inner[name], _ = await stack.enter_async_context(opened(_service(name[0], number), behind_proxy=False))
        door = FrontDoor(inner)
        outer, _ = await stack.enter_async_context(opened(door, behind_proxy=False))
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=outer))
        await door.close()


def ids(page: dict[str, Any]) -> list[str]:
    return [one["resource"]["id"] for one in page.get("entry", ())]


EVERY = ["p-0", "p-1", "p-2", "p-3", "p-4", "a-0", "a-1", "a-2"]


@pytest.mark.parametrize("count", range(1, 10))
async def test_pages_go_on_from_one_service_to_the_next(client: httpx.AsyncClient, count: int) -> None:
    found, address = list[str](), f"/fhir/Task?status=x&_count={count}"
    for _ in range(20):
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(ids(page)) <= count
        found += ids(page)
        following = [one["url"] for one in page["link"] if one["relation"] == "next"]
        if not following:
            break
        address = following[0].removeprefix("http://host")
    assert found == EVERY
    assert ("total" in page) == (count >= len(EVERY))


async def test_a_search_by_post_is_one_of_both(client: httpx.AsyncClient) -> None:
    answer = await client.post("/fhir/Task/_search", data={"status": "x"})
    assert (answer.status_code, ids(answer.json())) == (200, EVERY)


async def test_a_refusal_of_one_is_the_answer(client: httpx.AsyncClient) -> None:
    answer = await client.get("/fhir/Task?status=odd")
    assert (answer.status_code, answer.json()["resourceType"]) == (400, "OperationOutcome")


async def test_what_can_be_searched_of_two_services_is_what_both_can(client: httpx.AsyncClient) -> None:
    [told] = (await client.get("/fhir/metadata")).json()["rest"][0]["resource"]
    assert [one["name"] for one in told["searchParam"]] == ["status"]


@pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/Task?status=x"])
@pytest.mark.parametrize("parts", [b"{}", [b"{", b"}"]], ids=["whole", "in parts"])
async def test_a_body_that_nobody_asked_for_changes_nothing(
    client: httpx.AsyncClient, path: str, parts: bytes | list[bytes]
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            yield part if isinstance(part, bytes) else b""

    content = parts if isinstance(parts, bytes) else body()
    answer = await client.request("GET", path, content=content)
    assert answer.status_code == 200, answer.text
    assert answer.json()["resourceType"] in {"CapabilityStatement", "Bundle"}
