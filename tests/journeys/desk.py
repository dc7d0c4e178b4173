"""What coordinators, programs and billing do in a story, through placement's API."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from tests.journeys.playing import Json, Play
from tests.journeys.told import Told


class Offer(Told):
    """One program or several are asked."""

    programs: tuple[str, ...] = Field(alias="to")
    start: int | None = None
    track: str | None = None
    group: str | None = None
    because: str | None = Field(default=None, description="why another level than the recommended one")


class Answer(Told):
    """A program answers; the only one asked where none is named."""

    program: str | None = None
    start: int | None = None
    reason: str | None = None


class Day(Told):
    """Something on a day of the latest placement."""

    day: int
    reason: str | None = None


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


class Authorization(Told):
    """What a payer allows, asked for and approved."""

    payer: str
    level: str
    unit: str = "day"
    units: int | None = None
    since: int = Field(alias="from")
    to: int
    number: str


class Reason(Told):
    """Why."""

    reason: str


async def offers(play: Play, told: Offer) -> None:
    """Offer the patient of the open search."""
    search = await _search(play)
    asked = {
        "search_id": search["search_id"],
        "programs": list(told.programs),
        "start_date": None if told.start is None else play.calendar.iso(told.start),
        "track": told.track,
        "group": told.group,
        "variance_reason": told.because,
    }
    await play.doors.post("placement", "/api/offers", asked)


async def _search(play: Play) -> Json:
    async def is_open() -> Json | None:
        found = await play.listed("searches", state="open")
        return found[0] if found else None

    found: Json = await play.wait_for(is_open, "an open search")
    return found


async def accepts(play: Play, told: Answer) -> None:
    """The program takes the patient."""
    start = None if told.start is None else play.calendar.iso(told.start)
    answer = await _answer(play, told, "accepted", {"start_date": start})
    (placement,) = [one for one in await play.listed("placements") if one["placement_id"] == answer["placement_id"]]
    play.placements.append(placement)


async def declines(play: Play, told: Answer) -> None:
    """The program does not take the patient."""
    await _answer(play, told, "declined", {"reason": told.reason})


async def counters(play: Play, told: Answer) -> None:
    """The program proposes another day."""
    assert told.start is not None
    await _answer(play, told, "countered", {"start_date": play.calendar.iso(told.start)})


async def _answer(play: Play, told: Answer, move: str, body: Json) -> Json:
    waiting = [one for one in await play.listed("offers") if one["state"] in {"sent", "countered"}]
    (offer,) = [one for one in waiting if told.program in {None, one["program"]}]
    return await play.doors.post("placement", f"/api/offers/{offer['offer_id']}/{move}", body, "program")


async def starts(play: Play, told: Day) -> None:
    """The first day at the program."""
    await _placement(play, "started", {"date": play.calendar.iso(told.day)})


async def corrects_the_start(play: Play, told: Day) -> None:
    """The first day was another one."""
    await _placement(play, "started-corrected", {"date": play.calendar.iso(told.day)})


async def completes(play: Play, told: Day) -> None:
    """The last day of a program that reached its goal."""
    await _placement(play, "completed", {"date": play.calendar.iso(told.day), "reason": told.reason or "goals-met"})


async def discontinues(play: Play, told: Day) -> None:
    """The last day of a program that did not."""
    await _placement(play, "discontinued", {"date": play.calendar.iso(told.day), "reason": told.reason})


async def _placement(play: Play, move: str, body: Json) -> None:
    await play.doors.post("placement", f"/api/placements/{play.placements[-1]['placement_id']}/{move}", body, "program")


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


async def authorizes(play: Play, told: Authorization) -> None:
    """Billing asked the payer, who approved."""
    asked = {
        "episode_id": play.episode_id,
        "payer": told.payer,
        "level": told.level,
        "unit": told.unit,
        "units": told.units,
        "from": play.calendar.iso(told.since),
        "to": play.calendar.iso(told.to),
    }
    made = await play.doors.post("placement", "/api/authorizations", asked, "billing")
    approved = f"/api/authorizations/{made['auth_id']}/approved"
    await play.doors.post("placement", approved, {"number": told.number}, "billing")


async def settles(play: Play, told: Told) -> None:
    """A person says that of each conflict the attendance falls."""

    async def conflicts() -> list[Json]:
        return await play.listed("conflicts")

    for conflict in await play.wait_for(conflicts, "a conflict"):
        facts = (await play.doors.get("placement", f"/api/episodes/{play.episode_id}"))["facts"]
        falls = [
            one["ce_id"] for one in facts if one["ce_id"] in conflict["facts"] and one["type"] == "care.attended.v1"
        ]
        await play.doors.post("placement", f"/api/conflicts/{conflict['conflict_id']}/settled", {"falls": falls})


async def closes_the_search(play: Play, told: Reason) -> None:
    """Nobody looks any more."""
    search = await _search(play)
    await play.doors.post("placement", f"/api/searches/{search['search_id']}/closed", {"reason": told.reason})
