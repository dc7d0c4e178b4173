"""What the people of aftercare do in a story, through its API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tests.journeys.playing import Json, Play, Refused
from tests.journeys.told import At, Told


class Referral(Told):
    """A referral of a kind; `instead` where it takes the place of the declined one of its kind."""

    kind: str
    provider: str | None = None
    instead: bool = False


class Move(Told):
    """The open referral of a kind moves on, once for each word."""

    kind: str
    to: tuple[str, ...]
    by: str = "provider"
    reason: str | None = None
    meets: At | None = None


class Contact(At):
    """Somebody tried to reach or see the patient."""

    outcome: str
    mode: str = "phone"
    by: str | None = None


class Outcome(Told):
    """How aftercare ended."""

    outcome: str


async def refers(play: Play, told: Referral) -> None:
    """Refer the patient within the plan."""
    before = await _referral(play, told.kind, frozenset({"declined", "cancelled"})) if told.instead else None
    asked = {
        "episode_id": play.episode_id,
        "kind": told.kind,
        "provider": told.provider,
        "instead_of": before["id"] if before else None,
    }
    await play.doors.post("aftercare", "/api/referrals", asked)


async def moves(play: Play, told: Move) -> None:
    """What became of a referral."""
    ended = frozenset({"declined", "cancelled", "completed"})
    for word in told.to:
        referral = await _referral(play, told.kind, without=ended)
        body: dict[str, Any] = {"by": told.by}
        if word in {"declined", "cancellation-requested", "cancelled"}:
            body["reason"] = told.reason
        if word in {"scheduled", "rescheduled"}:
            assert told.meets is not None, "an appointment has a day: `meets`"
            body["at"] = play.calendar.instant(told.meets).isoformat()
        await play.doors.post("aftercare", f"/api/referrals/{referral['id']}/{word}", body)


async def _referral(
    play: Play, kind: str, states: frozenset[str] | None = None, without: frozenset[str] = frozenset()
) -> Json:
    """The latest referral of a kind in such a state; waits for it."""

    async def found() -> Json | None:
        listed = [one for one in await play.aftercare("referrals") if one["kind"] == kind]
        fit = [one for one in listed if one["state"] not in without and (states is None or one["state"] in states)]
        return max(fit, key=lambda one: str(one["referred_at"]), default=None)

    referral: Json = await play.wait_for(found, f"a referral to {kind}")
    return referral


async def contacts(play: Play, told: Contact) -> None:
    """Record an attempt, as soon as aftercare knows the episode."""
    asked = {
        "episode_id": play.episode_id,
        "at": play.calendar.instant(told).isoformat(),
        "mode": told.mode,
        "outcome": told.outcome,
        "provider_kind": told.by,
    }

    async def recorded() -> Json | None:
        try:
            return await play.doors.post("aftercare", "/api/contacts", asked)
        except Refused as no:
            if no.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    await play.wait_for(recorded, "the episode in aftercare")


async def closes(play: Play, told: Outcome) -> None:
    """Aftercare ends."""
    plan = await _plan(play)
    await play.doors.post("aftercare", f"/api/plans/{plan['id']}/closed", {"outcome": told.outcome})


async def _plan(play: Play) -> Json:
    async def found() -> Json | None:
        listed = await play.aftercare("plans", state="active")
        return listed[0] if listed else None

    plan: Json = await play.wait_for(found, "a plan that is going on")
    return plan
