"""Another facility's patient stays unseen: every route of placement, as every role, with a token of another facility.

Every value that a facility told carries its mark; an answer to the other may have none, nor an id of the other's facts.
"""

from __future__ import annotations

import httpx
from starlette.applications import Starlette

from services.placement.app import assemble
from shared.storage.database import Database
from tests.builders import a_story
from tests.placement.desk.conftest import Desk
from tests.placement.desk.scoping import (
    HERE,
    PROGRAMS,
    THERE,
    Case,
    everything_at,
    getting,
    ids_of,
    leaks,
    leave_a_disclosure,
    of_the_ward,
    secrets_of,
    tried,
)
from tests.placement.test_app import settings
from tests.scoping import routes_of, told_of


async def test_nothing_of_another_facilitys_patient_is_in_any_answer(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database
) -> None:
    await desk.feed.bring(*a_story(*of_the_ward("E1", "GOODHEALTH")))
    await everything_at(desk, "E1", "GOODHEALTH", "GH-PHP1")
    await leave_a_disclosure(database, "E1", "GOODHEALTH")
    ids = await ids_of(desk, "E1")
    secrets = await secrets_of(database, "E1", "GOODHEALTH", set())
    case = Case(ids, secrets | {each for group in ids.values() for each in group} | {"patient-E1"})
    assert all(ids[name] for name in ids if name != "conflicts"), "there is something of each kind"
    assert await leaks(http, app, case, THERE) == []
    every = {path for method, path in routes_of(app) if method == "GET" and path.startswith("/api/")} - PROGRAMS
    seldom = {f"/api/{name}{one}" for name in ("conflicts", "leftovers", "reviews") for one in ("", "/{id}")}
    nameless = {"/api/worklists", "/api/gaps", "/api/ready", "/api/offers/{id}/packet"}  # counts, codes and days
    assert await telling(http, app, case, HERE) >= every - seldom - nameless
    for role in ("admin", "program"):
        counts = (await desk.get("/api/worklists", role=role, facilities=THERE)).json()["worklists"]
        assert {one["count"] for one in counts} == {0}


async def telling(http: httpx.AsyncClient, app: Starlette, case: Case, facilities: tuple[str, ...]) -> set[str]:
    """The routes to read that do say something: what the test above finds nothing in could have something."""
    found = set()
    for method, path in sorted(routes_of(app)):
        for one in getting(path, case) if method == "GET" else ():
            if one.role == "admin" and path not in found:
                found |= {path} if told_of(await tried(http, one, facilities), case.secrets) else set()
    return found


async def test_the_routes_that_are_tried_are_all_that_the_service_has(app: Starlette, placement_url: str) -> None:
    service = assemble(settings(placement_url.replace("+asyncpg", "")))
    await service.database.close()
    assert routes_of(service.web) == routes_of(app)


async def test_nobody_of_no_facility_sees_anything(
    http: httpx.AsyncClient, app: Starlette, desk: Desk, database: Database
) -> None:
    await desk.feed.bring(*a_story(*of_the_ward("E1", "GOODHEALTH")))
    ids = await ids_of(desk, "E1")
    case = Case(ids, await secrets_of(database, "E1", "GOODHEALTH", set()))
    found = []
    for method, path in sorted(routes_of(app)):
        if method == "GET":
            for one in getting(path, case):
                if one.role == "admin":
                    answer = await tried(http, one, ())
                    found += [one.path] if told_of(answer, case.secrets) else []
    assert found == []
