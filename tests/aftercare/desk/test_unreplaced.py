"""Referrals that came to nothing wait in a list until somebody else is asked, or their plan is over."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
import sqlalchemy as sa

from services.aftercare.tables import entries
from shared.storage.database import Database
from tests.aftercare.desk.conftest import Desk
from tests.aftercare.desk.steps import move

OLDER = import_module("services.aftercare.migrations.versions.0044_unreplaced_referrals").SAY
ANEW: dict[str, Any] = {"episode_id": "E1", "provider": "RIVERBEND"}

pytestmark = pytest.mark.usefixtures("completed")


async def nothing_came(desk: Desk) -> list[str]:
    """Kinds of the referrals in the list."""
    return [one["kind"] for one in (await desk.get("/api/worklists/declined")).json()["items"]]


async def declined(desk: Desk, kind: str) -> str:
    """A referral of this kind that was made and declined."""
    made = await desk.post("/api/referrals", {**ANEW, "kind": kind})
    assert made.status_code == 201, made.text
    assert (await move(desk, made.json()["id"], "declined")).status_code == 200
    return str(made.json()["id"])


async def test_one_waits_until_another_is_made_and_again_once_that_one_is_declined(desk: Desk) -> None:
    one = await declined(desk, "medication")
    assert await nothing_came(desk) == ["medication"]
    other = await desk.post("/api/referrals", {**ANEW, "kind": "outpatient-therapy", "instead_of": one})
    assert other.status_code == 201, other.text
    assert await nothing_came(desk) == []
    await move(desk, other.json()["id"], "declined")
    assert await nothing_came(desk) == ["outpatient-therapy"]


async def test_none_waits_once_its_plan_is_over(desk: Desk) -> None:
    await declined(desk, "medication")
    [plan] = await desk.listed("plans")
    await desk.post(f"/api/plans/{plan['id']}/closed", {"outcome": "other"})
    assert await nothing_came(desk) == []


@pytest.mark.parametrize("closed", [False, True])
async def test_the_migration_says_of_an_older_database_what_the_fold_says(
    desk: Desk, database: Database, *, closed: bool
) -> None:
    one = await declined(desk, "medication")
    await desk.post("/api/referrals", {**ANEW, "kind": "outpatient-therapy", "instead_of": one})
    await declined(desk, "primary-care")
    if closed:
        [plan] = await desk.listed("plans")
        await desk.post(f"/api/plans/{plan['id']}/closed", {"outcome": "other"})
    before = await values(database)
    assert [value["kind"] for value in before.values() if "unreplaced" in value] == ([] if closed else ["primary-care"])
    async with database.begin() as connection:
        await connection.execute(sa.text("UPDATE entries SET value = value - 'unreplaced'"))
        await connection.execute(sa.text(OLDER))
    assert await values(database) == before


async def values(database: Database) -> dict[str, dict[str, Any]]:
    """Id of a referral → what a list shows of it."""
    query = sa.select(entries.c.id, entries.c.value).where(entries.c.kind == "referral")
    async with database.read() as connection:
        return {row.id: row.value for row in (await connection.execute(query)).all()}
