"""The ledger and what is withheld over HTTP: who may read them, in pages, each read told to the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from services.placement.desk.disclosures import routes
from shared.clock import SetClock
from shared.storage.database import Database
from shared.web.app import web_app
from shared.web.auth import DEV_ISSUER, Tokens
from tests.answers import client_of
from tests.builders import a_story, admitted, discharged
from tests.placement.feeding import Feed
from tests.placement.gating import CLINIC, Gate, consent
from tests.placement.test_desk_api import KEY, token


@pytest.fixture
async def client(database: Database, clock: SetClock) -> AsyncIterator[httpx.AsyncClient]:
    async def ready() -> dict[str, str]:
        return {}

    tokens = Tokens(KEY, DEV_ISSUER, ("HS256",))
    app = web_app(title="placement", tokens=tokens, ready=ready, routes=routes(database, clock))
    async with client_of(app, "placement", "http://desk") as found:
        yield found


@pytest.fixture
async def told(gate: Gate) -> Gate:
    """Episode 1 at GOODHEALTH: two disclosures; episode 2 there: two withheld; 3 at RIVERBEND: one of each."""
    await gate.bring(*a_story(*(make(episode="e-1") for make in (consent, admitted, discharged))))
    await gate.bring(*a_story(admitted(episode="e-2"), discharged(episode="e-2")))
    await gate.bring(*a_story(discharged(episode="e-3", facility="RIVERBEND")))
    return gate


async def test_a_disclosure_is_shown_with_what_it_rested_on(client: httpx.AsyncClient, told: Gate) -> None:
    answer = await client.get("/api/disclosures?episode_id=e-1", headers=token("auditor"))
    first, second = answer.json()["disclosures"]
    assert answer.json()["next"] is None
    assert {first["fact_type"], second["fact_type"]} == {"care.admitted.v1", "care.discharged.v1"}
    assert (first["recipient"], first["basis"], first["basis_id"]) == (CLINIC, "consent", "consent-1")
    assert (first["purpose"], first["basis_scope"], first["basis_from"]) == ("treatment", ["PSY"], "2026-03-01")
    assert first["fields"] in (["level"], ["disposition", "level"])
    assert "corrects" not in first


@pytest.mark.parametrize(
    ("query", "episodes"),
    [
        ("/api/disclosures", ["e-1", "e-1", "e-3"]),
        ("/api/disclosures?recipient=county-board", ["e-3"]),
        ("/api/disclosures?patient_id=patient-1&facility=GOODHEALTH", ["e-1", "e-1"]),
        ("/api/disclosures?patient_id=nobody", []),
        ("/api/withheld", ["e-2", "e-2", "e-3"]),
        ("/api/withheld?facility=RIVERBEND", ["e-3"]),
        ("/api/withheld?reason=no-consent&episode_id=e-2", ["e-2", "e-2"]),
        ("/api/withheld?reason=revoked", []),
    ],
)
async def test_the_lists_have_what_is_asked_for(
    client: httpx.AsyncClient, told: Gate, query: str, episodes: list[str]
) -> None:
    answer = await client.get(query, headers=token("coordinator"))
    (rows,) = (rows for name, rows in answer.json().items() if name != "next")
    assert sorted(row["episode_id"] for row in rows) == episodes


@pytest.mark.parametrize("path", ["/api/disclosures", "/api/withheld"])
async def test_the_lists_come_in_pages(client: httpx.AsyncClient, told: Gate, path: str) -> None:
    found, query = [], "?limit=2"
    for _ in range(3):
        answer = (await client.get(f"{path}{query}", headers=token("auditor"))).json()
        found += [(row["recipient"], row["fact_id"]) for row in answer[path.rsplit("/", 1)[-1]]]
        if answer["next"] is None:
            break
        query = f"?limit=2&cursor={answer['next']}"
    assert len(found) == len(set(found)) == 3


@pytest.mark.parametrize("path", ["/api/disclosures", "/api/withheld"])
async def test_nobody_sees_what_another_facility_told_or_kept_back(
    client: httpx.AsyncClient, told: Gate, path: str
) -> None:
    answer = await client.get(path, headers=token("auditor", "RIVERBEND"))
    assert [row["episode_id"] for row in answer.json()[path.rsplit("/", 1)[-1]]] == ["e-3"]
    assert (await client.get(f"{path}?facility=GOODHEALTH", headers=token("auditor", "RIVERBEND"))).status_code == 403


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("/api/disclosures", {}, 401),
        ("/api/withheld", token("program"), 403),
        ("/api/disclosures", token("billing"), 403),
        ("/api/disclosures?SECRET=1", token("auditor"), 422),
        ("/api/disclosures?reason=revoked", token("auditor"), 422),
        ("/api/withheld?reason=SECRET", token("auditor"), 422),
        ("/api/withheld?recipient=a&recipient=b", token("auditor"), 422),
        ("/api/withheld?recipient=%00", token("auditor"), 422),
        ("/api/withheld?limit=0", token("auditor"), 422),
        ("/api/withheld?limit=x", token("auditor"), 422),
        ("/api/withheld?cursor=SECRET", token("auditor"), 422),
        ("/api/withheld?cursor=%C3%A4", token("auditor"), 422),
        ("/api/withheld?cursor=MjAyNi0wMS0wMQ", token("auditor"), 422),
    ],
)
async def test_a_no_is_a_problem_that_repeats_nothing_of_what_was_sent(
    client: httpx.AsyncClient, told: Gate, query: str, headers: dict[str, str], status: int
) -> None:
    answer = await client.get(query, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "SECRET" not in answer.text


async def test_every_read_is_told_to_the_audit(client: httpx.AsyncClient, told: Gate, feed: Feed) -> None:
    before = len(await feed.audited())
    await client.get("/api/disclosures?episode_id=e-1", headers=token("auditor"))
    await client.get("/api/withheld?episode_id=e-2", headers=token("coordinator"))
    assert (await feed.audited())[before:] == [
        ("a-auditor", "disclosures-listed", "e-1", 1),
        ("a-coordinator", "withheld-listed", "e-2", 1),
    ]
    assert ("placement", "disclosed", "e-1", 1) in await feed.audited()
