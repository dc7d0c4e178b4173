"""What coordinators do in a story, and how programs answer, through placement's API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from tests.journeys.playing import Json, Play
from tests.journeys.told import At, Told


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


class OfProgram(Told):
    """Of a program, and why."""

    program: str
    reason: str = "other"
    seconds: int | None = Field(default=None, description="time that it has to answer")


class Patient(Told):
    """What the patient says to a level."""

    level: str
    program: str | None = None
    reason: str | None = None


class Assigned(Told):
    """Who is in charge."""

    user: str
    role: str


class Reason(Told):
    """Why."""

    reason: str


class PlannedEnd(Told):
    """When the patient is expected to leave; absent: no day is known."""

    leaves: At | None = None


class Ready(Told):
    """What who is ready waits for."""

    waits_for: str | None = None


class Needed(Told):
    """What is needed of a program, and what is not any more."""

    also: tuple[str, ...] = ()
    no_more: tuple[str, ...] = ()


async def says_what_is_needed(play: Play, told: Needed) -> None:
    """Of the open search."""
    search = await _search(play)
    also = {**dict.fromkeys(told.also, True), **dict.fromkeys(told.no_more, False)}
    await play.doors.post("placement", f"/api/searches/{search['search_id']}/needs", {"also": also})


class LooksFor(Told):
    """The level that is looked for."""

    level: str


async def looks_for(play: Play, told: LooksFor) -> None:
    """A coordinator looks for this level while a stay is open."""
    await play.doors.post("placement", "/api/searches", {"episode_id": play.episode_id, "level": told.level})


class Packet(Told):
    """What a program of another entity reads of the latest offer, and why not more."""

    at: str
    sees: Literal["whom to ask", "blind", "whole"]
    why: str | None = None
    notice: bool = False


async def reads_the_packet(play: Play, told: Packet) -> None:
    """The program reads it; the desk that asked sees why it is withheld."""
    [offer] = await play.listed("offers")
    path = f"/api/offers/{offer['offer_id']}/packet"

    async def is_so() -> bool:
        mine = await play.doors.get("placement", path, "coordinator at GOODHEALTH")
        return mine.get("withheld") == told.why

    await play.wait_for(is_so, f"a packet withheld for {told.why}")
    packet = await play.doors.get("placement", path, f"program at {told.at}")
    sees = "whole" if packet["whole"] else "blind" if "from_level" in packet else "whom to ask"
    assert (sees, "notice" in packet) == (told.sees, told.notice), f"it sees {sorted(packet)}"
    assert ("medication" in packet) is (told.sees == "whole")


async def plans_the_discharge(play: Play, told: PlannedEnd) -> None:
    """A coordinator says that the patient is expected to leave."""
    leaves = play.calendar.instant(told.leaves).isoformat() if told.leaves else None
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/discharge-planned", {"expected_at": leaves})


async def cancels_the_plan(play: Play, told: Told) -> None:
    """And is not, after all."""
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/discharge-plan-cancelled", {})


async def says_who_is_ready(play: Play, told: Ready) -> None:
    """The patient may step down."""
    body = {"waiting_for": told.waits_for}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/ready-for-step", body)


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


async def withdraws(play: Play, told: OfProgram) -> None:
    """The desk asks this program no longer."""
    await _offer(play, told, "withdrawn")


async def reopens(play: Play, told: OfProgram) -> None:
    """The desk asks this program again."""
    await _offer(play, told, "reopened")


async def _offer(play: Play, told: OfProgram, move: str) -> None:
    offer = [one for one in await play.listed("offers") if one["program"] == told.program][-1]
    expires = None if told.seconds is None else (datetime.now(UTC) + timedelta(seconds=told.seconds)).isoformat()
    body = {"reason": told.reason, "expires_at": expires}
    await play.doors.post("placement", f"/api/offers/{offer['offer_id']}/{move}", body)


async def keeps_a_seat(play: Play, told: OfProgram) -> None:
    """A seat is the patient's for a day."""
    now = datetime.now(UTC)
    span = {"from": now.isoformat(), "until": (now + timedelta(days=1)).isoformat()}
    await play.doors.post("placement", "/api/seats", {"episode_id": play.episode_id, "program": told.program, **span})


async def gives_the_seat_back(play: Play, told: OfProgram) -> None:
    """And not any more."""
    (seat,) = await play.listed("seats", program=told.program)
    await play.doors.post("placement", f"/api/seats/{seat['id']}/released", {"reason": told.reason})


async def puts_in_line(play: Play, told: OfProgram) -> None:
    """The patient waits for a seat."""
    search = await _search(play)
    asked = {"search_id": search["search_id"], "program": told.program}
    await play.doors.post("placement", "/api/waitlist", asked)


async def takes_out_of_line(play: Play, told: OfProgram) -> None:
    """The patient waits no longer."""
    (place,) = await play.listed("waitlist", program=told.program)
    await play.doors.post("placement", f"/api/waitlist/{place['id']}/left", {"reason": told.reason})


async def cancels_the_placement(play: Play, told: Reason) -> None:
    """It will not be."""
    placement = play.placements.pop()
    cancelled = f"/api/placements/{placement['placement_id']}/cancelled"
    await play.doors.post("placement", cancelled, {"reason": told.reason})


async def agrees(play: Play, told: Patient) -> None:
    """The patient wants it."""
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/agreed", told.model_dump())


async def does_not_want(play: Play, told: Patient) -> None:
    """The patient does not want it."""
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/declined", told.model_dump())


async def assigns(play: Play, told: Assigned) -> None:
    """Somebody is in charge."""
    asked = {"user_id": told.user, "role": told.role}
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/assigned", asked)


async def ends_the_episode(play: Play, told: Reason) -> None:
    """It is over."""
    await play.doors.post("placement", f"/api/episodes/{play.episode_id}/ended", {"reason": told.reason})


async def settles(play: Play, told: Told) -> None:
    """A person says that of each conflict the attendance falls."""

    async def conflicts() -> list[Json]:
        return await play.listed("conflicts", state="open")

    for conflict in await play.wait_for(conflicts, "a conflict"):
        falls = [one["ce_id"] for one in conflict["facts"] if one["type"] == "care.attended.v1"]
        await play.doors.post("placement", f"/api/conflicts/{conflict['id']}/settled", {"falls": falls})


async def closes_the_search(play: Play, told: Reason) -> None:
    """Nobody looks any more."""
    search = await _search(play)
    await play.doors.post("placement", f"/api/searches/{search['search_id']}/closed", {"reason": told.reason})
