"""What the people of aftercare do for one patient through its API: record contacts, move referrals on, end the plan."""

from __future__ import annotations

from datetime import datetime, timedelta

from tools.simulator.course import PATIENCE, Course
from tools.simulator.doors import Json, Refused
from tools.simulator.truth import Stay

MOST_REFERRALS = 2
"""Referrals of a patient that are moved on."""


async def is_seen(course: Course, after: Stay, at: datetime) -> None:
    """Record at `at` a visit to a therapist, after a hospital's stay."""
    if await course.is_after(after):
        await _contact(course, at, "attended", "in-person", "therapist")


async def is_followed(course: Course, at: datetime) -> None:
    """Play aftercare that began at `at`: a call after two days, the referrals, and after 30 days the plan's end."""
    if await course.watch.wait(lambda: course.episode_id in course.watch.aftercare or None, PATIENCE) is None:
        course.tally.in_vain["aftercare"] += 1
        return
    await _contact(course, at + timedelta(days=2), course.chance.one_of(course.care.contacts), "phone", None)
    for referral in course.watch.referrals[course.episode_id][:MOST_REFERRALS]:
        await _moves(course, referral, at)
    outcome = course.chance.one_of(course.care.aftercare_ends)
    if outcome != "nothing" and at + timedelta(days=30) < course.until:
        for plan in await _plans(course):
            await course.post("aftercare", f"/api/plans/{plan['id']}/closed", {"outcome": outcome})


async def _contact(course: Course, at: datetime, outcome: str, mode: str, kind: str | None) -> None:
    asked = {"episode_id": course.episode_id, "at": min(at, course.until).isoformat(), "mode": mode,
             "outcome": outcome, "provider_kind": kind}  # fmt: skip

    await course.post("aftercare", "/api/contacts", asked)


async def _moves(course: Course, referral: str, at: datetime) -> None:
    outcome = course.chance.one_of(course.care.referrals)
    path = f"/api/referrals/{referral}"
    if outcome == "nothing":
        return
    if outcome == "declined":
        reason = course.chance.one_of(course.care.referral_declines)
        await course.post("aftercare", f"{path}/declined", {"by": "provider", "reason": reason})
        return
    await course.post("aftercare", f"{path}/accepted", {"by": "provider"})
    meets = {"by": "provider", "at": min(at + timedelta(days=6), course.until).isoformat()}
    if await course.post("aftercare", f"{path}/scheduled", meets) and outcome != "scheduled":
        await course.post("aftercare", f"{path}/{outcome}", {"by": "provider"})


async def _plans(course: Course) -> list[Json]:
    try:
        return list(
            (await course.doors.get("aftercare", "/api/plans", episode_id=course.episode_id, state="active"))["items"]
        )
    except Refused as no:
        course.tally.refused["plans", no.word] += 1
        return []
