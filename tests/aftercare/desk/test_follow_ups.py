"""GET /api/follow-ups: who may ask, what they see, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
import sqlalchemy as sa

from services.aftercare.desk.follow_ups import routes
from shared.clock import system_clock
from shared.storage.database import Database
from shared.storage.tables import audit
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Tokens
from tests.aftercare.builders import day, document, inpatient, stay
from tests.aftercare.test_handlers import look, take_in
from tests.answers import client_of

KEY = "k" * 32
Ask = Callable[..., Any]


def token(*roles: str, facilities: tuple[str, ...] = ("*",)) -> str:
    claims = {"sub": "u1", "roles": roles, "facilities": facilities, "iss": DEV_ISSUER, "aud": AUDIENCE}
    return jwt.encode(claims | {"exp": datetime.now(UTC) + timedelta(hours=1)}, KEY, algorithm="HS256")


async def _ready() -> dict[str, str]:
    return {}


@pytest.fixture
async def api(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """The web application, asked without a network."""
    tokens = Tokens(KEY, DEV_ISSUER, ("HS256",))
    app = web_app(title="aftercare", tokens=tokens, ready=_ready, routes=routes(database, system_clock))
    async with client_of(app, "aftercare", "http://aftercare") as client:
        yield client


async def asked(
    api: httpx.AsyncClient, *roles: str, query: dict[str, str] | None = None, facilities: tuple[str, ...] = ("*",)
) -> Any:
    bearer = {"authorization": f"Bearer {token(*roles, facilities=facilities)}"}
    return await api.get("/api/follow-ups", params=query, headers=bearer)


@pytest.fixture
async def three_episodes(database: Database) -> None:
    """One due, one kept, one missed and due, at two facilities."""
    await take_in(database, document(inpatient(), episode_id="E1"))
    await look(database, day(8))
    await take_in(database, document(inpatient(), stay("php", day(2), id="S"), episode_id="E2"))
    await take_in(database, document(inpatient(facility="RIVERBEND"), episode_id="E3"))


@pytest.mark.usefixtures("three_episodes")
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, {("E1", "missed"), ("E1", "due"), ("E2", "kept"), ("E3", "due")}),
        ("due", {("E1", "due"), ("E3", "due")}),
        ("missed", {("E1", "missed")}),
        ("kept", {("E2", "kept")}),
        ("excluded", set()),
    ],
)
async def test_a_coordinator_asks_by_state(
    api: httpx.AsyncClient, state: str | None, expected: set[tuple[str, str]]
) -> None:
    answer = await asked(api, "coordinator", query={"state": state} if state else {})
    assert answer.status_code == 200
    assert {(item["episode_id"], item["state"]) for item in answer.json()["items"]} == expected
    assert answer.json()["next"] is None


@pytest.mark.usefixtures("three_episodes")
async def test_a_window_is_shown_with_its_days_and_what_kept_it(api: httpx.AsyncClient) -> None:
    [seven, _] = (await asked(api, "clinician", query={"state": "kept"})).json()["items"]
    assert {name: seven[name] for name in ("measure", "due_from", "due_to", "discharge", "by_fact", "facility")} == {
        "measure": "FUH-7",
        "due_from": "2026-04-02",
        "due_to": "2026-04-08",
        "discharge": "V1.ended",
        "by_fact": "S.begun",
        "facility": "GOODHEALTH",
    }
    assert datetime.fromisoformat(seven["kept_at"]) == day(2)
    assert "reason" not in seven


@pytest.mark.usefixtures("three_episodes")
async def test_nobody_sees_another_facilitys_windows(api: httpx.AsyncClient) -> None:
    answer = await asked(api, "coordinator", facilities=("RIVERBEND",))
    assert {item["episode_id"] for item in answer.json()["items"]} == {"E3"}
    assert (await asked(api, "coordinator", facilities=())).json()["items"] == []


@pytest.mark.usefixtures("three_episodes")
async def test_pages_follow_each_other_without_gap_or_repeat(api: httpx.AsyncClient) -> None:
    whole = (await asked(api, "auditor")).json()["items"]
    seen: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = (await asked(api, "auditor", query={"limit": "4", **more})).json()
        assert len(page["items"]) <= 4
        seen += page["items"]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    assert seen == whole
    assert [item["due_to"] for item in seen] == sorted(item["due_to"] for item in seen)


@pytest.mark.parametrize(("roles", "status"), [(("program",), 403), (("hospital",), 403), (("admin",), 200)])
async def test_only_those_who_follow_up_may_ask(api: httpx.AsyncClient, roles: tuple[str, ...], status: int) -> None:
    assert (await asked(api, *roles)).status_code == status


async def test_without_a_token_the_answer_is_401(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/follow-ups")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        {"state": "secret-word"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "secret-word"},
        {"cursor": "secret-word"},
        {"cursor": "bm90LWEtZGF5fHNlY3JldC13b3Jk"},
        {"cursor": "ü"},
        {"cursor": "MjAyNi0wNC0wMXwA"},
    ],
)
async def test_what_cannot_be_asked_is_422_and_does_not_say_it_back(
    api: httpx.AsyncClient, query: dict[str, str]
) -> None:
    answer = await asked(api, "coordinator", query=query)
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] in query
    assert "secret" not in answer.text


@pytest.mark.usefixtures("three_episodes")
async def test_who_saw_which_episode_is_written_down(api: httpx.AsyncClient, database: Database) -> None:
    await asked(api, "coordinator", query={"state": "missed"})
    async with database.read() as connection:
        found = (await connection.execute(sa.select(audit.c.actor, audit.c.action, audit.c.subject))).all()
    assert [tuple(row) for row in found] == [("u1", "follow-up-read", "E1")]
