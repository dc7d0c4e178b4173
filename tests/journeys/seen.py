"""What became of a patient, read from the doors and told in the words of a story's `expect`; judges nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from shared.events import type_name
from shared.events.continuum import Closed, Readmitted, Reopened, SteppedDown, SteppedUp
from tests.journeys.playing import Json, Play
from tests.journeys.told import ZONE

_CLOSINGS = {type_name(fact.TYPE) for fact in (Closed, Reopened)}
_ANNOUNCED = {type_name(fact.TYPE) for fact in (SteppedDown, SteppedUp, Readmitted)}


async def seen(play: Play, names: Iterable[str]) -> dict[str, Any]:
    """The parts of `expect` with these names, as they are now."""
    return {name: found async for name, found in one_by_one(play, names)}


async def one_by_one(play: Play, names: Iterable[str]) -> AsyncIterator[tuple[str, Any]]:
    """The same, part by part: what one look at the episode shows comes first."""
    left = list(names)
    of_the_episode = [name for name in left if name in _OF_THE_EPISODE]
    if of_the_episode:
        whole = await play.doors.get("placement", f"/api/episodes/{play.episode_id}")
        for name in of_the_episode:
            yield name, _OF_THE_EPISODE[name](play, whole)
    for name in left:
        if name in _LISTS:
            yield name, await _LISTS[name](play)


def _announced(play: Play, whole: Json) -> list[str]:
    told = [one for one in whole["facts"] if one["type"] in _ANNOUNCED and one["stands"]]
    return [_sentence(play, one["type"].split(".")[1], one["value"]) for one in told]


def _closings(play: Play, whole: Json) -> list[str]:
    told = [one for one in whole["facts"] if one["type"] in _CLOSINGS and one["stands"]]
    return [f"{one['type'].split('.')[1]}, {one['value']['reason']}" for one in told]


def _sentence(play: Play, name: str, value: Json) -> str:
    day = _on(play, value["occurred_at"])
    if name.startswith("stepped"):
        between = f", {_days(value['days_between'])} between" if value["days_between"] else ""
        planned = ", planned" if value["planned"] else ""
        why = f", {value['reason']}" if value.get("reason") else ""
        return f"{day}: {name} {value['from_level']} → {value['to_level']}{between}{planned}{why}"
    return f"{day}: readmitted after {_days(value['days'])}"


def _on(play: Play, instant: str) -> str:
    return f"day {play.calendar.day(datetime.fromisoformat(instant).astimezone(ZONE).date().isoformat())}"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _ineffective(play: Play, whole: Json) -> list[str]:
    return [
        f"{one['type'].split('.')[1]}: {one['ineffective']['word']}" for one in whole["facts"] if "ineffective" in one
    ]


def _conflicts(play: Play, whole: Json) -> list[str]:
    told = [one for one in whole["facts"] if one["type"] == "care.conflict-raised.v1" and one["stands"]]
    return [f"{_on(play, one['value']['occurred_at'])}: {one['value']['kind']}" for one in told]


def _periods(play: Play, whole: Json) -> list[Json]:
    return [in_words(play, one) for one in whole["periods"] if not one["voided"]]


def in_words(play: Play, one: Json) -> Json:
    """A service period as a story tells it."""
    return {
        "level": one["level"],
        "program": one["program"].get("id"),
        "payer": one["payer"],
        "from": play.calendar.day(one["start_date"]),
        "until": play.calendar.day(one.get("end_date")),
        "days": len(one["days"]),
        "status": one["patient_status"],
        "warnings": list(one["warnings"]),
        "authorizations": [_authorization(play, each) for each in one["authorizations"]],
        "leave": [_leave(play, each) for each in one["leave"]],
    }


def _leave(play: Play, one: Json) -> str:
    return f"{one['kind']}, day {play.calendar.day(one['from'])} to {play.calendar.day(one.get('to'))}"


def _authorization(play: Play, one: Json) -> str:
    days = f"day {play.calendar.day(one['from'])} to {play.calendar.day(one['to'])}"
    return f"{one.get('number')}: {one['units_used']} of {one.get('units_authorized')}, {days}"


_OF_THE_EPISODE: dict[str, Callable[[Play, Json], Any]] = {
    "state": lambda _, whole: whole["episode"]["state"],
    "level": lambda _, whole: whole["episode"].get("level"),
    "announced": _announced,
    "closings": _closings,
    "ineffective": _ineffective,
    "conflicts": _conflicts,
    "periods": _periods,
}


async def _searches(play: Play) -> list[str]:
    found = await play.listed("searches")
    told = sorted(found, key=lambda one: str(one["opened_at"]))
    return [f"{one['from_level']} → {one['recommended_level']}: {one.get('reason') or one['state']}" for one in told]


async def _needs(play: Play) -> list[str]:
    """What the latest search needs of the site's own vocabulary."""
    found = sorted(await play.listed("searches"), key=lambda one: str(one["opened_at"]))
    also = found[-1]["needs"].get("also", {}) if found else {}
    return sorted(key if values == ["yes"] else f"{key}: {', '.join(values)}" for key, values in also.items())


async def _gaps(play: Play) -> list[str]:
    """Which of these needs no program of that level answers, and what does instead."""
    searches = sorted(await play.listed("searches", state="open"), key=lambda one: str(one["opened_at"]))
    if not searches:
        return []
    also = searches[-1]["needs"].get("also", {})
    asked = {"facility": searches[-1]["facility"], "level": searches[-1]["recommended_level"]}
    told = (await play.doors.get("placement", "/api/gaps", **asked))["gaps"]
    return sorted(f"{one['need']}: {one.get('answered_by', 'nobody')}" for one in told if one["need"] in also)


async def _seats(play: Play) -> list[str]:
    """Programs in which a seat is the patient's, without end."""
    return sorted(one["program"] for one in await play.listed("placements") if one.get("seat"))


async def _offers(play: Play) -> list[str]:
    return sorted(f"{one['program']}: {one['state']}" for one in await play.listed("offers"))


async def _authorizations(play: Play) -> list[str]:
    return sorted(f"{one['number']}: {one['state']}" for one in await play.listed("authorizations"))


async def _reviews(play: Play) -> list[str]:
    """What is or was due, by which day, and how it stands."""
    found = sorted(await play.listed("reviews"), key=lambda one: (one["due_on"], one["kind"]))
    return [_one_review(play, one) for one in found]


def _one_review(play: Play, one: Json) -> str:
    how = one["state"]
    if how == "done":
        late = ", late" if one["done_on"] > one["due_on"] else ""
        how = f"done by {one['done_by']}{late}"
    return f"{one['kind']}, day {play.calendar.day(one['due_on'])}: {how}"


async def _used(play: Play) -> list[str]:
    """Of each authorization in force what is used and left today, and whether more was given."""
    told = [one for one in await play.listed("authorizations") if one["in_force"]]
    more = {one["number"]: ", more given" if one.get("over") else "" for one in told}
    return sorted(f"{one['number']}: {one['used']} used, {one.get('left')} left{more[one['number']]}" for one in told)


async def _follow_ups(play: Play) -> list[str]:
    """Aftercare's list has no filter by episode, and may be longer than a page."""
    page = await play.doors.get("aftercare", "/api/follow-ups", limit=200)
    found = page["items"]
    while page["next"]:
        page = await play.doors.get("aftercare", "/api/follow-ups", limit=200, cursor=page["next"])
        found += page["items"]
    found = [one for one in found if one["episode_id"] == play.episode_id]
    told = sorted(found, key=lambda one: (one["due_to"], one["measure"]))
    return [f"{one['measure']} until day {play.calendar.day(one['due_to'])}: {_became(one)}" for one in told]


def _became(one: Json) -> str:
    return f"excluded, {one['reason']}" if one["state"] == "excluded" else str(one["state"])


async def _plans(play: Play) -> list[str]:
    told = sorted(await play.aftercare("plans"), key=lambda one: str(one["started_at"]))
    return [f"{one['template']}: {one.get('outcome') or one['state']}" for one in told]


async def _referrals(play: Play) -> list[str]:
    return sorted(f"{one['kind']}: {one['state']}" for one in await play.aftercare("referrals"))


async def _risks(play: Play) -> list[str]:
    told = sorted(await play.aftercare("risks"), key=lambda one: str(one["raised_at"]))
    return [f"{' and '.join(one['signals'])}: {_cleared(one)}" for one in told]


def _cleared(one: Json) -> str:
    return f"cleared, {one['reason']}" if one["state"] == "cleared" else str(one["state"])


async def _worklists(play: Play) -> list[str]:
    """The names of placement's worklists that have something of this episode; `withheld` is a part of its own."""
    lists = (await play.doors.get("placement", "/api/worklists"))["worklists"]
    found = []
    for name in [one["name"] for one in lists if one["count"] and one["name"] != "withheld"]:
        lines = await play.doors.all("placement", f"/api/worklists/{name}", "items")
        found += [name for line in lines if line["episode_id"] == play.episode_id]
    return sorted(set(found))


async def _disclosed(play: Play) -> list[str]:
    found = await play.listed("disclosures")
    return [f"{one['recipient']}: {one['fact_type'].split('.')[1]}" for one in found]


async def _packets(play: Play) -> list[str]:
    """The ledger of packets that another entity read."""
    found = await play.listed("packets")
    return [f"{one['recipient']}: {one['step']}, {one['basis']}" for one in found]


async def _withheld(play: Play) -> list[str]:
    found = await play.listed("withheld")
    return [f"{one['recipient']}: {one['fact_type'].split('.')[1]}, {one['reason']}" for one in found]


_LISTS: dict[str, Callable[[Play], Awaitable[Any]]] = {
    "searches": _searches,
    "needs": _needs,
    "gaps": _gaps,
    "seats": _seats,
    "offers": _offers,
    "authorizations": _authorizations,
    "used": _used,
    "reviews": _reviews,
    "follow-ups": _follow_ups,
    "plans": _plans,
    "referrals": _referrals,
    "risks": _risks,
    "worklists": _worklists,
    "disclosed": _disclosed,
    "packets": _packets,
    "withheld": _withheld,
}
