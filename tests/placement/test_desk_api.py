"""The desk's JSON API, over HTTP without a socket: who sees what, and what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from services.placement.desk.api import routes
from services.placement.desk.frame import Parts
from services.placement.rules import Rules
from shared.clock import SetClock
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import AUDIENCE, DEV_ISSUER, Tokens
from tests.answers import client_of
from tests.builders import a_story, admitted, cancelled, discharged, leave_ended, restated
from tests.placement.feeding import Feed

KEY = "a secret of thirty-two characters"


def token(role: str, *facilities: str) -> dict[str, str]:
    claims = {
        "sub": f"a-{role}",
        "roles": [role],
        "facilities": list(facilities or ("*",)),
        "iss": DEV_ISSUER,
        "aud": AUDIENCE,
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    return {"authorization": f"Bearer {jwt.encode(claims, KEY, algorithm='HS256')}"}


@pytest.fixture
async def client(
    database: Database, rules: Rules, clock: SetClock, ids: Callable[[], str]
) -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> dict[str, str]:
        return {}

    tokens = Tokens(KEY, DEV_ISSUER, ("HS256",))
    app = web_app(title="placement", tokens=tokens, ready=ready, routes=routes(Parts(database, rules, clock, ids)))
    async with client_of(app, "placement", "http://desk") as found:
        yield found


@pytest.fixture
async def five(feed: Feed) -> Feed:
    """Five episodes: 1 and 2 open at GOODHEALTH, 3 ended there, 4 and 5 open at RIVERBEND; 2 and 5 residential."""
    facilities = {1: "GOODHEALTH", 2: "GOODHEALTH", 3: "GOODHEALTH", 4: "RIVERBEND", 5: "RIVERBEND"}
    for number, facility in facilities.items():
        episode = f"episode-{number}"
        level = "residential" if number in {2, 5} else "inpatient"
        begun = admitted(episode=episode, facility=facility, level=level, sequence=1)
        ended = [discharged(episode=episode, facility=facility, sequence=2)] if number == 3 else []
        await feed.bring(begun, *ended)
    return feed


async def ids(client: httpx.AsyncClient, query: str, **headers: str) -> list[str]:
    answer = await client.get(f"/api/episodes{query}", headers=headers or token("coordinator"))
    assert answer.status_code == 200, answer.text
    return [one["episode_id"][-1] for one in answer.json()["episodes"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "12345"),
        ("?state=active", "1245"),
        ("?state=between", "3"),
        ("?level=residential", "25"),
        ("?facility=RIVERBEND", "45"),
        ("?facility=RIVERBEND&level=inpatient&state=active", "4"),
        ("?state=closed", ""),
    ],
)
async def test_the_list_has_the_episodes_that_are_asked_for(
    client: httpx.AsyncClient, five: Feed, query: str, expected: str
) -> None:
    assert await ids(client, query) == list(expected)


async def test_the_list_comes_in_pages(client: httpx.AsyncClient, five: Feed) -> None:
    found, query = [], "?limit=2"
    for _ in range(4):
        answer = (await client.get(f"/api/episodes{query}", headers=token("billing"))).json()
        found.append([one["episode_id"][-1] for one in answer["episodes"]])
        if answer["next"] is None:
            break
        query = f"?limit=2&cursor={answer['next']}"
    assert found == [["1", "2"], ["3", "4"], ["5"]]


async def test_nobody_sees_episodes_of_another_facility(client: httpx.AsyncClient, five: Feed) -> None:
    riverbend = token("clinician", "RIVERBEND")
    assert await ids(client, "", **riverbend) == ["4", "5"]
    assert await ids(client, "?facility=RIVERBEND", **riverbend) == ["4", "5"]
    assert (await client.get("/api/episodes?facility=GOODHEALTH", headers=riverbend)).status_code == 403
    there = await client.get("/api/episodes/episode-4", headers=riverbend)
    elsewhere = await client.get("/api/episodes/episode-1", headers=riverbend)
    nowhere = await client.get("/api/episodes/episode-9", headers=riverbend)
    assert (there.status_code, elsewhere.status_code, nowhere.status_code) == (200, 404, 404)
    assert elsewhere.json() == nowhere.json()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/episodes", {}, 401),
        ("/api/episodes/episode-1", {"authorization": "Bearer no"}, 401),
        ("/api/episodes", token("hospital"), 403),
        ("/api/episodes/episode-1", token("program"), 403),
        ("/api/episodes/none", token("auditor"), 404),
        ("/api/nothing", token("auditor"), 404),
        ("/api/episodes/a%00b", token("auditor"), 404),
        ("/api/episodes?facility=%00", token("auditor"), 422),
        ("/api/episodes?limit=0", token("auditor"), 422),
        ("/api/episodes?limit=201", token("auditor"), 422),
        ("/api/episodes?limit=٣", token("auditor"), 422),
        ("/api/episodes?state=SECRET", token("auditor"), 422),
        ("/api/episodes?level=SECRET", token("auditor"), 422),
        ("/api/episodes?SECRET=1", token("auditor"), 422),
        ("/api/episodes?cursor=_SECRET", token("auditor"), 422),
        ("/api/episodes?cursor=%C3%A4", token("auditor"), 422),
        ("/api/episodes?cursor=AAAA", token("auditor"), 422),
    ],
)
async def test_a_no_is_a_problem_that_repeats_nothing_of_what_was_sent(
    client: httpx.AsyncClient, five: Feed, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await client.get(path, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert "SECRET" not in answer.text


async def test_every_read_is_told_to_the_audit(client: httpx.AsyncClient, five: Feed) -> None:
    before = len(await five.audited())
    await client.get("/api/episodes?state=between", headers=token("auditor"))
    await client.get("/api/episodes/episode-1", headers=token("clinician"))
    await client.get("/api/episodes/episode-9", headers=token("clinician"))
    assert (await five.audited())[before:] == [
        ("a-auditor", "episode-listed", "episode-3", 1),
        ("a-clinician", "episode-read", "episode-1", 1),
    ]


async def test_an_episode_is_shown_with_what_became_of_each_fact(client: httpx.AsyncClient, feed: Feed) -> None:
    begun = admitted("2026-03-02 10:00")
    mended = restated(begun, when="2026-03-02 09:00")
    ended = discharged("2026-03-09 14:00")
    astray = leave_ended("2026-03-05 18:00")
    story = a_story(begun, mended, ended, astray, cancelled(ended))
    await feed.bring(*story)
    answer: dict[str, Any] = (await client.get("/api/episodes/episode-1", headers=token("coordinator"))).json()
    assert answer["episode"]["state"] == "active"
    assert answer["episode"]["seen"] == {"intake": 5}
    told = {one["ce_id"]: one for one in answer["facts"]}
    assert told[begun.id]["voided"] == {"by": mended.id, "how": "replaced"}
    assert told[ended.id]["voided"] == {"by": story[-1].id, "how": "cancelled"}
    assert told[astray.id]["ineffective"]["word"] == "not-on-leave"
    assert [one["stands"] for one in (told[mended.id], told[begun.id], told[astray.id])] == [True, False, False]
    assert told[mended.id]["value"]["visit_number"] == "V1"
    (period,) = answer["periods"]
    assert (period["version"], period["voided"], period["start_date"]) == (1, False, "2026-03-02")
    assert "end_date" not in period


async def test_a_cancel_of_anothers_fact_voids_nothing(client: httpx.AsyncClient, feed: Feed) -> None:
    begun = replace(admitted(), sequence=1)
    foreign = replace(cancelled(begun, writer="aftercare"), sequence=1)
    await feed.bring(begun, foreign)
    answer = (await client.get("/api/episodes/episode-1", headers=token("coordinator"))).json()
    told = {one["ce_id"]: one for one in answer["facts"]}
    assert told[begun.id]["stands"]
    assert told[foreign.id]["ineffective"]["word"] == "not-its-writer"
