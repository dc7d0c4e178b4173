"""How the feeds do, for operators: counts, and messages that wait or went wrong, by id and reason; never content."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from services.intake.api.answers import FeedShown, FeedsShown
from services.intake.api.reads import Read, Reading
from services.intake.console import views as console
from services.intake.console.silence import ages
from services.intake.receiving import views
from services.intake.receiving.receive import Intake
from shared.scope import Scope
from shared.storage import audit
from shared.storage.database import Connection
from shared.web import paging, requests
from shared.web.app import JSON, Problem, caller
from shared.web.auth import Caller

READERS = ("coordinator", "interface", "auditor")
MENDERS = frozenset({"coordinator", "interface", "admin"})
"""Who sees the codes that are in no table of the site: whoever adds them there."""
SHOWN = 20
"""Messages in each list of the oldest ones."""
CODES_LISTED = "unmapped-codes-listed"
"""The action in the audit of who saw codes as they were sent."""
ELSEWHERE = "other"
"""Stands for all facilities that the site config does not have: their names as sent are shown to nobody."""


async def _feeds(reading: Reading, request: Request) -> Response:
    """GET /api/feeds."""
    who, intake = caller(request, *READERS), reading.intake
    requests.parameters(request, ())
    async with intake.database.begin() as connection:
        await views.at_one_instant(connection)
        places = await feeds_of(connection, intake, who)
    if any(place["unmapped_codes"] for place in places):
        async with intake.database.begin() as connection:
            await audit.note(connection, [audit.Entry(intake.clock(), who.subject, CODES_LISTED, "feeds")])
    return JSON({"facilities": places})


async def feeds_of(connection: Connection, intake: Intake, who: Caller) -> list[FeedShown]:
    """How the feeds of the facilities do that the caller may see. Raises a Problem (403) for a caller of none."""
    counts, noted = await views.feeds(connection), await views.noted(connection)
    oldest = {
        state: await views.listed(connection, state, scope=_scope(who), after="", most=SHOWN)
        for state in ("waiting", "ae")
    }
    codes = await views.unmapped_codes(connection, scope=_scope(who), most=paging.MOST) if _mends(who) else []
    places = _by_facility(intake, who, counts, noted, oldest)
    for code in codes:
        if (place := places.get(known_facility(code.facility, intake))) is not None:
            place["unmapped_codes"].append(_code(code))
    for age in ages(intake.site, await console.last_by_facility(connection)):
        if (place := places.get(age.facility)) is not None:
            place |= {"silent": age.silent(intake.clock()), "silent_after_hours": age.hours}
    return [cast("FeedShown", place) for place in places.values()]


def _mends(who: Caller) -> bool:
    """Whether the caller sees unmapped codes."""
    return bool(who.roles & MENDERS)


def _scope(who: Caller) -> Scope:
    """The caller's scope. Raises a Problem (403) where it is empty."""
    found = who.scope
    if found.facilities is not None and not found.facilities:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "no facility is in your scope")
    return found


def _by_facility(
    intake: Intake,
    who: Caller,
    counts: list[views.Feed],
    noted: list[views.MessageNote],
    oldest: dict[str, list[views.Listed]],
) -> dict[str, dict[str, Any]]:
    """Facility → its object in the answer, for each that the caller may see; `other`: those not in site config."""
    found: dict[str, dict[str, Any]] = {name: _without_messages(name) for name in _names(intake, who)}
    for feed in counts:
        if (place := found.get(feed.facility)) is not None:
            place["counts"].append(_count(feed))
            place["messages"] += feed.number
            place["last_at"] = max(filter(None, (place["last_at"], feed.last_at)))
    for each in noted:
        if (place := found.get(known_facility(each.facility, intake))) is not None:
            place[_COUNTER_OF[each.note]] += each.number
            place["unmapped_units"] += each.units
    for state, listed in oldest.items():
        for message in listed:
            if (place := found.get(known_facility(message.facility, intake))) is not None:
                place[f"oldest_{state}"].append(_message(message, intake))
    return found


def _code(code: views.UnmappedCode) -> dict[str, Any]:
    told = {"kind": code.kind, "field": code.field, "code": code.code, "count": code.number, "last_at": code.last_at}
    return {name: value for name, value in told.items() if value is not None}


def _count(feed: views.Feed) -> dict[str, Any]:
    told = {"door": feed.door, "trigger": feed.trigger, "answer": feed.answer}
    return {**told, "count": feed.number, "last_at": feed.last_at}


_COUNTER_OF = {"waiting": "waiting", "error": "ae", "unmapped": "unmapped"}
"""Note of a message → the field of the answer that counts it."""


def _names(intake: Intake, who: Caller) -> list[str]:
    """The facilities that the caller may see; `other` too for who sees all of them."""
    names = [facility.name for facility in intake.site.facilities if who.may_see(facility.name)]
    return [*names, *([ELSEWHERE] if "*" in who.facilities else [])]


def _without_messages(name: str) -> dict[str, Any]:
    """The object of a facility from which nothing has come."""
    lists: dict[str, Any] = {"counts": [], "oldest_waiting": [], "oldest_ae": [], "unmapped_codes": []}
    return {
        "facility": name, "last_at": None, "messages": 0, "waiting": 0, "ae": 0, "unmapped": 0, "unmapped_units": 0,
        **lists,
    }  # fmt: skip


def known_facility(facility: str, intake: Intake) -> str:
    """A facility of the site config; `other` for any other."""
    return facility if intake.site.facility(facility) else ELSEWHERE


def _message(message: views.Listed, intake: Intake) -> dict[str, Any]:
    """A message as it is listed: id, trigger, since when and why; of an AE or AR the error's code and location."""
    code, _, location = (message.reason or "").partition(" ") if message.note == "error" else ("", "", "")
    found = {
        "message_id": message.message_id,
        "facility": known_facility(message.facility, intake),
        "door": message.door,
        "trigger": message.trigger or None,
        "since": message.arrived_at,
        "reason": message.reason if message.note != "error" else None,
        "code": int(code) if code.isdigit() else None,
        "location": location or None,
    }
    return {name: value for name, value in found.items() if value is not None}


READS = (
    Read("/api/feeds", "listFeeds", "How the feeds do, by facility", READERS, FeedsShown, _feeds),
)  # fmt: skip
