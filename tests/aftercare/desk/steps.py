"""What coordinators do over HTTP in several tests: move a referral, record a contact."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx

from tests.aftercare.builders import day
from tests.aftercare.desk.conftest import Desk


async def a_referral(desk: Desk, kind: str = "outpatient-therapy") -> str:
    """The id of a referral of that kind."""
    return next(str(r["id"]) for r in await desk.listed("referrals") if r["kind"] == kind)


AT = day(5).isoformat()
BODIES: dict[str, dict[str, Any]] = {
    "declined": {"reason": "no-capacity"},
    "scheduled": {"at": AT, "mode": "telehealth"},
    "rescheduled": {"at": day(9).isoformat()},
    "cancellation-requested": {"by": "patient", "reason": "found-other-care"},
    "cancelled": {"reason": "found-other-care"},
    "no-show": {"by": "patient"},
}


async def move(desk: Desk, referral: str, *moves: str) -> httpx.Response:
    """The answer to the last of these moves, each told with what it needs."""
    for each in moves:
        answer = await desk.post(f"/api/referrals/{referral}/{each}", BODIES.get(each))
    return answer


async def contact(desk: Desk, at: datetime, outcome: str, **more: Any) -> httpx.Response:
    """The answer to a contact at that time with that outcome."""
    body = {"episode_id": "E1", "at": at.isoformat(), "mode": "phone", "outcome": outcome, **more}
    return await desk.post("/api/contacts", body)
