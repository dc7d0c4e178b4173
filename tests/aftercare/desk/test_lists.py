"""What is read over HTTP: whose entries, page by page, as the facts are, with a row of audit."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from services.aftercare.checks import broken
from services.aftercare.desk.api import routes
from services.aftercare.desk.writes import WRITES
from services.aftercare.engine.apply import Rules
from services.aftercare.tables import entries
from shared.storage.database import Database
from shared.storage.tables import audit
from tests.aftercare.builders import document
from tests.aftercare.desk.conftest import COMPLETED, Desk
from tests.aftercare.desk.steps import a_referral, move
from tests.aftercare.test_handlers import SITE, take_in


@pytest.mark.usefixtures("completed")
async def test_another_facilitys_entries_are_not_there_to_read_or_write(desk: Desk) -> None:
    referral = await a_referral(desk)
    elsewhere = ("RIVERBEND",)
    for name in ("plans", "referrals", "contacts", "appointments", "risks", "follow-ups"):
        assert (await desk.get(f"/api/{name}", facilities=elsewhere)).json()["items"] == []
    assert (await desk.get(f"/api/referrals/{referral}", facilities=elsewhere)).status_code == 404
    assert (await desk.post(f"/api/referrals/{referral}/received", facilities=elsewhere)).status_code == 404
    body = {"episode_id": "E1", "kind": "family"}
    assert (await desk.post("/api/referrals", body, facilities=elsewhere)).status_code == 404


async def test_pages_of_a_list_follow_each_other(desk: Desk, database: Database) -> None:
    await take_in(database, *(document(COMPLETED, episode_id=f"E{n}") for n in range(5)))
    whole = await desk.listed("referrals")
    seen: list[Any] = []
    more: dict[str, str] = {}
    while more is not None:
        page = (await desk.get("/api/referrals", query={"limit": "3", **more})).json()
        seen += page["items"]
        more = {"cursor": page["next"]} if page["next"] else None  # type: ignore[assignment]
    assert seen == whole
    assert len(whole) == 10


@pytest.mark.parametrize(
    ("query", "field"),
    [({"state": "x"}, "state"), ({"limit": "0"}, "limit"), ({"cursor": "x"}, "cursor"), ({"secret": "1"}, "?")],
)
async def test_a_list_that_cannot_be_asked_for_is_422(desk: Desk, query: dict[str, str], field: str) -> None:
    answer = await desk.get("/api/plans", query=query)
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, field)


@pytest.mark.usefixtures("completed")
async def test_every_act_and_every_reading_leaves_a_row_of_audit(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    await move(desk, referral, "received")
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.action, audit.c.subject))).all()
    assert {("referral-read", "E1"), ("referral-received", "E1")} <= {tuple(row) for row in rows}


@pytest.mark.usefixtures("completed")
async def test_a_list_that_differs_from_the_facts_is_found(desk: Desk, database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(sa.update(entries).where(entries.c.kind == "plan").values(state="closed"))
    async with database.read() as connection:
        assert {b.promise for b in await broken(connection, SITE, desk.clock)} == {"lists-are-the-facts"}
    await take_in(database, document(COMPLETED, version=2))  # a newer document writes the lists anew


async def test_the_document_of_the_api_has_every_route_and_only_names_that_are_there(desk: Desk) -> None:
    told = (await desk.client.get("/api/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    assert {write.path for write in WRITES} <= told["paths"].keys()
    served = {route.path for route in routes(None, Rules(SITE, desk.clock))}  # type: ignore[arg-type,attr-defined]
    assert served - {"/api/openapi.json"} == told["paths"].keys()
    for path in told["paths"].values():
        for operation in path.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if body:
                assert body["schema"]["$ref"].rsplit("/", 1)[1] in told["components"]["schemas"]
