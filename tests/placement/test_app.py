"""Placement put together: what it answers before it has started, and what it refuses to start without."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from services.placement.app import assemble
from shared.errors import SetUpError
from shared.settings import Settings


def settings(url: str | None) -> Settings:
    return Settings(kafka="127.0.0.1:9", database_url=SecretStr(url) if url else None, token_secret=None,
                    message_keys=SecretStr("k1:" + "A" * 43 + "="))  # fmt: skip


async def test_it_says_that_it_is_not_ready_before_it_has_started(placement_url: str) -> None:
    service = assemble(settings(placement_url.replace("+asyncpg", "")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service.web), base_url="http://placement") as client:
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")
        asked = await client.get("/api/episodes", headers={"authorization": "Bearer any"})
    await service.database.close()
    assert (ready.status_code, live.status_code, asked.status_code) == (503, 200, 401)
    assert ready.json()["waiting_for"] == {
        "service": "starting",
        "placement.care.events": "no partition is assigned yet",
        "placement.gate": "no partition is assigned yet",
    }
    timers = [
        "fold-anew", "offers-expire", "waiting-lines", "daily-visits", "kept-too-long", "reviews", "idempotency-keys",
        "desk-retention", "gate-looks-again",
    ]  # fmt: skip
    assert [timer.name for timer in service.timers] == [f"placement-{name}" for name in timers]
    engine, gate = service.subscriptions
    assert gate.places.following is engine.places.follower is not None, "a fact is decoded once for both"


def test_it_does_not_start_without_a_database() -> None:
    with pytest.raises(SetUpError, match="STEPDOWN_DATABASE_URL"):
        assemble(settings(None))
