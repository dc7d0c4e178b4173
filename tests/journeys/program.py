"""What programs and clinicians say of a patient's stay in a story, through placement's API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from tests.journeys.playing import Json, Play
from tests.journeys.told import ZONE, At, Told


class Day(Told):
    """Something on a day of the latest placement, or of the one at a program."""

    day: int
    reason: str | None = None
    program: str | None = None


class Sessions(Told):
    """Days on which the patient was there, with the minutes of each kind of service on each of them."""

    days: tuple[int, ...]
    group: int = 0
    individual: int = 0
    mode: str = "in-person"


class Absences(Told):
    """Days on which the patient was not there."""

    days: tuple[int, ...]
    reason: str = "no-show"


class Leave(At):
    """Away, until when."""

    kind: str = "therapeutic"
    back: At | None = None


class Certified(Told):
    """A physician's word that the level is needed."""

    kind: str
    since: int = Field(alias="from")
    to: int
    npi: str
    signed: int | None = None
    """The day on which it was signed; absent: now."""


class Diagnosis(Told):
    """What the stay is for."""

    code: str
    rank: int = 1


class Assessment(Told):
    """What an instrument found, and the level that it recommends."""

    instrument: str
    version: str = "1"
    phase: str = "review"
    level: str | None = None


class Plan(Told):
    """A plan of care."""

    level: str
    hours_week: float
    days_week: int
    goals: int
    review_due: int


async def starts(play: Play, told: Day) -> None:
    """The first day at the program."""
    await _placement(play, "started", {"date": play.calendar.iso(told.day)}, told.program)


async def corrects_the_start(play: Play, told: Day) -> None:
    """The first day was another one."""
    await _placement(play, "started-corrected", {"date": play.calendar.iso(told.day)})


async def completes(play: Play, told: Day) -> None:
    """The last day of a program that reached its goal."""
    body = {"date": play.calendar.iso(told.day), "reason": told.reason or "goals-met"}
    await _placement(play, "completed", body, told.program)


async def discontinues(play: Play, told: Day) -> None:
    """The last day of a program that did not."""
    await _placement(play, "discontinued", {"date": play.calendar.iso(told.day), "reason": told.reason})


async def _placement(play: Play, move: str, body: Json, program: str | None = None) -> None:
    which = next(one for one in reversed(play.placements) if program in {None, one["program"]})
    await play.doors.post("placement", f"/api/placements/{which['placement_id']}/{move}", body, "program")


async def attends(play: Play, told: Sessions) -> None:
    """The patient was there on these days."""
    given = [("group", told.group), ("individual", told.individual)]
    services = [{"kind": kind, "minutes": minutes, "mode": told.mode} for kind, minutes in given if minutes]
    for day in told.days:
        await _session(play, day, {"services": services})


async def misses(play: Play, told: Absences) -> None:
    """The patient was not there on these days."""
    for day in told.days:
        await _session(play, day, {"absent": told.reason})


async def _session(play: Play, day: int, own: Json) -> None:
    session: dict[str, Any] = {
        "placement_id": play.placements[-1]["placement_id"],
        "session_id": f"{play.name}-{len(play.placements)}-{day}",
        "date": play.calendar.iso(day),
        **own,
    }
    await play.doors.post("placement", "/api/sessions", session, "program")


async def is_waited_for(play: Play, told: Told) -> None:
    """The first day came and the patient did not."""
    await _placement(play, "start-missed", {})


class Medication(Told):
    """A medication that goes on after the stay."""

    code: str
    last_given: int
    next_due: int
    days_in_hand: int


async def hands_over(play: Play, told: Medication) -> None:
    """A clinician hands a medication over."""
    days = {name: play.calendar.iso(getattr(told, name)) for name in ("last_given", "next_due")}
    asked = {"code": told.code, "days_in_hand": told.days_in_hand, **days}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/medication", asked, "clinician")


async def confirms_the_handover(play: Play, told: Told) -> None:
    """The program confirms that the patient came and that it read the packet."""
    await _placement(play, "received", {})


class Ahead(Told):
    """A day ahead of today."""

    ahead: int = Field(alias="in")


async def gives_another_first_day(play: Play, told: Ahead) -> None:
    """The program gives another first day, so many days from today."""
    day = (datetime.now(ZONE) + timedelta(days=told.ahead)).date()
    await _placement(play, "first-day", {"start_date": day.isoformat()})


async def sends_on_leave(play: Play, told: Leave) -> None:
    """The patient is away."""
    back = play.calendar.instant(told.back).isoformat() if told.back else None
    body = {"at": play.calendar.instant(told).isoformat(), "kind": told.kind, "expected_return": back}
    await _placement(play, "leave-started", body)


async def has_back(play: Play, told: At) -> None:
    """The patient is back."""
    await _placement(play, "leave-ended", {"at": play.calendar.instant(told).isoformat()})


async def takes_a_session_back(play: Play, told: Day) -> None:
    """It was told in error."""
    day = play.calendar.iso(told.day)
    placement_id = play.placements[-1]["placement_id"]
    (session,) = [one for one in await play.listed("sessions", placement_id=placement_id) if one["date"] == day]
    body = {"reason": told.reason}
    await play.doors.post("placement", f"/api/sessions/{session['id']}/withdrawn", body, "program")


async def certifies(play: Play, told: Certified) -> None:
    """A clinician certifies."""
    days = {"from": play.calendar.iso(told.since), "to": play.calendar.iso(told.to)}
    asked = {"kind": told.kind, "npi": told.npi, **days}
    if told.signed is not None:
        asked["signed_at"] = play.calendar.instant(At(day=told.signed)).isoformat()
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/certified", asked, "clinician")


async def plans(play: Play, told: Plan) -> None:
    """A clinician records the plan."""
    asked = told.model_dump() | {"review_due": play.calendar.iso(told.review_due)}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/plan", asked, "clinician")


async def diagnoses(play: Play, told: Diagnosis) -> None:
    """A clinician records a diagnosis of the stay."""
    asked = {"system": "I10", "code": told.code, "rank": told.rank}
    placement_id = play.placements[-1]["placement_id"]
    await play.doors.post("placement", f"/api/placements/{placement_id}/diagnosed", asked, "clinician")


async def assesses(play: Play, told: Assessment) -> None:
    """A clinician assesses."""
    asked = told.model_dump(exclude={"level"}) | {"recommended_level": told.level}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/assessed", asked, "clinician")
