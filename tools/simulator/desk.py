"""What coordinators and programs do for one patient through placement's API: offers, answers, first days, sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.events.levels import LEAST_INTENSIVE, ROUND_THE_CLOCK
from shared.events.placing import SearchOpened
from tools.simulator.course import PATIENCE, TRIES, Course
from tools.simulator.doors import Json, Refused
from tools.simulator.messages import FACILITY
from tools.simulator.truth import Stay

SOON = 5.0
"""Seconds to wait for a search that may not open: after some levels nobody looks for a next one."""
EXPIRES = timedelta(seconds=1.5)
"""How long an offer that is to expire may be answered: the service's timer goes by the real clock (decision 0135)."""


async def is_referred(course: Course, stay: Stay) -> None:
    """POST a referral of a patient who comes without a hospital; keeps the episode's id."""
    person = course.life.person
    asked = {
        "facility": FACILITY,
        "identity": {
            "identifiers": [{"id": person.mrn, "assigning_authority": FACILITY, "type": "MR"}],
            "name": {"family": person.family, "given": person.given},
            "birth_date": person.born.isoformat(),
        },
        "source": course.chance.one_of({"self": 3, "primary-care": 2, "family": 1}),
        "requested_level": stay.level,
        "occurred_at": (stay.began - timedelta(days=2)).isoformat(),
    }
    answer = await course.post("intake", "/referrals", asked, "hospital")
    course.episode_id = answer["episode_id"] if answer else ""


async def is_placed(course: Course, stay: Stay, before: Stay | None) -> None:
    """Send offers, in some rounds, until a program accepts; where none does, close the search and mark the course lost.

    `before`: the hospital's latest stay of the same episode; None where there is none.
    """
    if course.arranged:
        course.arranged = False
        await _stands(course, lambda level: level not in ROUND_THE_CLOCK)
        return
    course.placement, course.lost = None, not course.completed
    if course.lost:
        return
    search = await course.search() if await course.is_after(before) else None
    if search is None:
        course.lost = True
        return
    programs = await _programs(course, search, stay)
    for _ in range(course.care.rounds):
        asked = programs[: course.chance.between(*course.care.offers_at_once)]
        programs = programs[len(asked) :] or programs
        if asked and await _round(course, stay, search, asked):
            return
        search = await course.search() or search  # another, where a discharge was cancelled meanwhile
    course.lost = True
    await course.post("placement", f"/api/searches/{search.search_id}/closed", {"reason": "no-program"})


async def is_placed_ahead(course: Course, stay: Stay, before: Stay) -> None:
    """The end of the hospital's stay is planned, and one round of offers goes out while the patient is still there;
    where no program accepts, the desk goes on after the end (`is_placed`)."""
    if course.lost or before.ended is None or not await course.is_after(before) or not await _stands(course, bool):
        return
    expected = {"expected_at": before.ended.isoformat()}
    if await course.post("placement", f"/api/episodes/{course.episode_id}/discharge-planned", expected) is None:
        return
    search = await course.search(SOON)
    programs = await _programs(course, search, stay) if search else []
    if search and programs:
        course.placement = None
        course.arranged = await _round(course, stay, search, programs[:1])


async def _stands(course: Course, so: Callable[[str | None], bool]) -> bool:
    """True once this is so of the level of the patient's episode at placement."""
    for _ in range(TRIES):
        try:
            whole = await course.doors.get("placement", f"/api/episodes/{course.episode_id}")
        except Refused:
            whole = {}
        if whole and so(whole["episode"].get("level")):
            return True
        await asyncio.sleep(SOON / TRIES)
    return False


async def _programs(course: Course, search: SearchOpened, stay: Stay) -> list[str]:
    """Ids of the programs of the stay's level that meet every must of the search, apart from its level; best first."""
    try:
        found = (await course.doors.get("placement", f"/api/searches/{search.search_id}/programs"))["programs"]
    except Refused as no:
        course.tally.refused["programs", no.word] += 1
        return []

    def fits(one: Json) -> bool:
        return all(reason["holds"] or not reason["must"] or reason["rule"] == "level" for reason in one["reasons"])

    return [one["id"] for one in found if one["level"] == stay.level and fits(one)]


async def _round(course: Course, stay: Stay, search: SearchOpened, programs: list[str]) -> bool:
    """Send one round of offers and have them answered; True where a program accepted."""
    chance, care = course.chance, course.care
    late = chance.happens(care.expires)
    answers = ["nothing" if late else chance.one_of(care.answers) for _ in programs]
    expires = (datetime.now(UTC) + EXPIRES).isoformat() if late else None
    variance = None if stay.level == search.recommended_level else "patient-preference"
    asked = {"search_id": search.search_id, "programs": programs, "start_date": _day(stay.began),
             "variance_reason": variance, "expires_at": expires}  # fmt: skip
    sent = await course.post("placement", "/api/offers", asked)
    waiting = []
    for offer, answer in zip(sent["offers"] if sent else (), answers, strict=False):
        if answer == "accepted" and await _accepts(course, offer):
            return True
        if answer == "declined":
            reason = chance.one_of(care.declines)
            await course.post("placement", f"/api/offers/{offer['offer_id']}/declined", {"reason": reason}, "program")
        elif answer == "countered":
            later = {"start_date": _day(stay.began), "reason": "full-until-then"}
            await course.post("placement", f"/api/offers/{offer['offer_id']}/countered", later, "program")
            if await _accepts(course, offer):
                return True
        else:
            waiting.append(offer["offer_id"])
    for offer_id in waiting:
        await _is_not_answered(course, offer_id, expires=late)
    return False


async def _accepts(course: Course, offer: Json) -> bool:
    found = await course.post("placement", f"/api/offers/{offer['offer_id']}/accepted", {}, "program")
    if found and found.get("placement_id"):
        course.placement = {"placement_id": found["placement_id"], "program": offer["program"]}
    return course.placement is not None


async def _is_not_answered(course: Course, offer_id: str, *, expires: bool) -> None:
    """An offer that no program answers: it expires where it was given little time, else the desk withdraws it."""

    def expired() -> str | None:
        return "expired" if course.watch.answered.get(offer_id) == "expired" else None

    if not expires or await course.watch.wait(expired, PATIENCE) is None:
        await course.post("placement", f"/api/offers/{offer_id}/withdrawn", {"reason": "no-answer"})


async def does_not_come(course: Course) -> None:
    """The patient does not come on the first day, nor wants another that the program gives: the placement is cancelled,
    and the course lost."""
    if await _of_placement(course, "start-missed", {}):
        await _of_placement(course, "first-day", {"start_date": _day(datetime.now(UTC) + timedelta(days=2))})
        await _of_placement(course, "cancelled", {"reason": "start-missed"}, "coordinator")
    course.lost = True


async def starts(course: Course, stay: Stay) -> None:
    """Record the first day; of some patients a wrong one first, which is then corrected."""
    if course.chance.happens(course.care.start_corrected) and not (stay.ended and _near(stay.began, stay.ended)):
        await _of_placement(course, "started", {"date": _day(stay.began + timedelta(days=1))})
        await _of_placement(course, "started-corrected", {"date": _day(stay.began)})
    elif not await _of_placement(course, "started", {"date": _day(stay.began)}):
        course.lost = True
    if not course.lost:
        await _of_placement(course, "received", {"plan_read": True})


def _near(one: datetime, other: datetime) -> bool:
    return (other - one).days < 3


async def has_a_session(course: Course, day: date) -> None:
    """Record one session as attended or missed; some are recorded in error and withdrawn."""
    if course.placement is None:
        return
    own: Json = {"absent": "no-show"} if course.chance.happens(course.care.no_show) else _services(course)
    placement_id = course.placement["placement_id"]
    asked = {"placement_id": placement_id, "session_id": f"{placement_id}-{day}", "date": day.isoformat(), **own}
    told = await course.post("placement", "/api/sessions", asked, "program")
    if told and course.chance.happens(course.care.session_taken_back):
        body = {"reason": "wrong-patient"}
        await course.post("placement", f"/api/sessions/{told['id']}/withdrawn", body, "program")


def _services(course: Course) -> Json:
    tele = course.placement is not None and course.placement["program"].endswith("TELE")
    return {"services": [{"kind": "group", "minutes": 180, "mode": "telehealth" if tele else "in-person"}]}


async def ends(course: Course, stay: Stay) -> None:
    """Record the end of a program's stay: completed, or discontinued with a reason."""
    assert stay.ended is not None  # noqa: S101
    if course.chance.happens(course.care.completes):
        await _of_placement(course, "completed", {"date": _day(stay.ended), "reason": "goals-met"})
    else:
        course.completed = False
        reason = course.chance.one_of(course.care.discontinued)
        await _of_placement(course, "discontinued", {"date": _day(stay.ended), "reason": reason})


async def stops_looking(course: Course, stay: Stay, before: Stay | None) -> None:
    """No next level follows: close the search that the end of the stay opened. After the least intensive level none
    opens."""
    if stay.level == LEAST_INTENSIVE or not await course.is_after(before):
        return
    search = await course.search(SOON) if course.completed else None
    if search:
        asked = {"reason": course.chance.one_of(course.care.stops_looking)}
        await course.post("placement", f"/api/searches/{search.search_id}/closed", asked)


async def _of_placement(course: Course, move: str, body: Json, role: str = "program") -> Any:
    if course.placement is None:
        return None
    return await course.post("placement", f"/api/placements/{course.placement['placement_id']}/{move}", body, role)


def _day(at: datetime) -> str:
    return at.date().isoformat()
