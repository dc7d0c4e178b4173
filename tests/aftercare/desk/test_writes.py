"""What holds of every write over HTTP: its state, its key, its body, who may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.storage.database import Database
from tests.aftercare.builders import day
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import AT, BODIES, a_referral, move
from tests.aftercare.desk.test_follow_ups import token
from tests.aftercare.test_handlers import sent


@pytest.mark.usefixtures("completed")
async def test_who_saw_an_older_state_is_told_412_and_nothing_is_done(desk: Desk, database: Database) -> None:
    referral = await a_referral(desk)
    seen = (await desk.get(f"/api/referrals/{referral}")).headers["etag"]
    first = await desk.post(f"/api/referrals/{referral}/received", if_match=seen)
    assert first.status_code == 200
    assert first.headers["etag"] != seen
    before = await sent(database)
    for stale in (seen, '"x"', "7", 'W/"1"'):
        answer = await desk.post(f"/api/referrals/{referral}/accepted", if_match=stale)
        assert (answer.status_code, answer.headers["content-type"]) == (412, "application/problem+json")
    assert await sent(database) == before
    again = await desk.post(f"/api/referrals/{referral}/accepted", if_match=first.headers["etag"])
    assert again.status_code == 200


@pytest.mark.usefixtures("completed")
async def test_a_request_sent_again_with_its_key_is_done_once_and_answered_alike(
    desk: Desk, database: Database
) -> None:
    body = {"episode_id": "E1", "at": day(1).isoformat(), "mode": "phone", "outcome": "reached"}
    first = await desk.post("/api/contacts", body, idempotency_key="k1")
    before = await sent(database)
    again = await desk.post("/api/contacts", body, idempotency_key="k1")
    assert first.status_code == again.status_code == 201
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert await sent(database) == before
    other = await desk.post("/api/contacts", body | {"mode": "telehealth"}, idempotency_key="k1")
    assert (other.status_code, other.json()["type"]) == (422, "urn:stepdown:problem:idempotency-key-reused")
    assert len(await desk.listed("contacts")) == 1


@pytest.mark.usefixtures("completed")
async def test_a_key_whose_request_was_refused_may_be_tried_again(desk: Desk) -> None:
    referral = await a_referral(desk)
    path = f"/api/referrals/{referral}/scheduled"
    assert (await desk.post(path, BODIES["scheduled"], idempotency_key="k2")).status_code == 409
    await move(desk, referral, "accepted")
    assert (await desk.post(path, BODIES["scheduled"], idempotency_key="k2")).status_code == 200


@pytest.mark.usefixtures("completed")
async def test_of_many_at_once_one_moves_the_referral_and_one_key_is_one_contact(
    desk: Desk, database: Database
) -> None:
    referral = await a_referral(desk)
    moves = [desk.post(f"/api/referrals/{referral}/{to}", BODIES.get(to)) for to in ("accepted", "declined") * 4]
    # declined is possible after accepted: of each, one is done
    done = [answer.status_code for answer in await asyncio.gather(*moves)]
    assert done.count(200) <= 2
    assert set(done) == {200, 409}
    body = {"episode_id": "E1", "at": day(1).isoformat(), "mode": "phone", "outcome": "reached"}
    sendings = [desk.post("/api/contacts", body, idempotency_key="once") for _ in range(8)]
    answers = await asyncio.gather(*sendings)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == len(await desk.listed("contacts")) == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "fields"),
    [
        ("/api/contacts", {"episode_id": "E1", "at": AT, "mode": "fax-secret", "outcome": "reached"}, 422, ["mode"]),
        ("/api/contacts", {"episode_id": "E1"}, 422, ["at", "mode", "outcome"]),
        ("/api/contacts", {"episode_id": "E1", "at": AT, "mode": "phone", "outcome": "reached"}, 422, ["at"]),
        ("/api/referrals", {"episode_id": "E1", "kind": "secret"}, 422, ["kind"]),
        ("/api/referrals", {"episode_id": "E1", "kind": "family", "secret": 1}, 422, ["?"]),
        ("/api/referrals", {"episode_id": "secret", "kind": "family"}, 404, None),
        ("/api/referrals/secret/received", {}, 404, None),
        ("/api/follow-ups/secret/excluded", {"reason": "hospice"}, 404, None),
        ("/api/risks/secret/cleared", {"reason": "other"}, 404, None),
        ("/api/appointments", {"episode_id": "E1", "at": "2026-04-01T10:00:00"}, 422, ["at"]),
    ],
)
@pytest.mark.usefixtures("completed")
async def test_what_is_not_as_it_must_be_names_the_field_and_not_the_value(
    desk: Desk, path: str, body: dict[str, Any], status: int, fields: list[str] | None
) -> None:
    answer = await desk.post(path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert [f["field"] for f in answer.json().get("fields", [])] == (fields or [])
    assert "secret" not in answer.text


@pytest.mark.usefixtures("completed")
async def test_a_body_that_is_no_json_or_too_long_is_refused(desk: Desk) -> None:
    bearer = {"authorization": f"Bearer {token('coordinator')}"}
    for content, status in ((b"{", 400), (b" " * 70_000, 413)):
        answer = await desk.client.post("/api/referrals", content=content, headers=bearer)
        assert answer.status_code == status


@pytest.mark.usefixtures("completed")
@pytest.mark.parametrize("role", ["program", "auditor", "billing", "hospital"])
async def test_only_coordinators_and_clinicians_write(desk: Desk, role: str) -> None:
    referral = await a_referral(desk)
    assert (await desk.post(f"/api/referrals/{referral}/received", roles=(role,))).status_code == 403
