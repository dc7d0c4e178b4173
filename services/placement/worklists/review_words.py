"""The words of reviews and of what payers authorized: what for, what ended one, how much is used. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from shared.web.wording import day
from shared.web.words import say, say_count

REVIEWS = {
    "authorization-ending": "The authorization ends",
    "authorization-used-up": "The authorization is used up",
    "next-review": "The payer wants to hear again",
    "peer-to-peer": "A call with the payer's physician is possible",
    "appeal": "An appeal is possible",
    "certification": "A physician has to certify the level",
    "recertification": "A physician has to certify the level again",
    "plan": "The plan has to be looked at again",
    "length-of-stay": "The stay lasts as long as is expected",
}
DONE_BY = {
    "authorization": "done by the authorization on {day}",
    "certification": "done by the certification on {day}",
    "plan": "done by the next plan on {day}",
    "person": "done on {day}",
}


_COUNTED = {
    "day": ("{used} of {count} day", "{used} of {count} days"),
    "session": ("{used} of {count} session", "{used} of {count} sessions"),
    "hour": ("{used} of {count} hour", "{used} of {count} hours"),
}


def used_in_words(body: Mapping[str, Any]) -> str:
    """`5 of 14 days`, and of quarter-hours `5 of 14, 15 minutes each`; empty where nothing is known of the use."""
    if "used" not in body:
        return ""
    units, unit = body.get("units"), str(body.get("unit", "day"))
    if units is None:
        return say("{count}, no limit", count=body["used"])
    if "unit_minutes" in body:
        each = body["unit_minutes"]
        return say("{used} of {units}, {minutes} minutes each", used=body["used"], units=units, minutes=each)
    return say_count(*_COUNTED[unit], units, used=body["used"])


_DAYS_OF_A_PAYER = {
    "last_covered_day": "last covered day {day}",
    "next_review": "next review {day}",
    "peer_to_peer_by": "call with the payer's physician until {day}",
    "appeal_by": "appeal until {day}",
}


def more_of_a_payer(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The last covered day, the day on which the payer wants to hear again, and what can be said against a denial."""
    told = {**body, **body.get("denial", {})}
    named = [name for name in _DAYS_OF_A_PAYER if name in told]
    days = [say(_DAYS_OF_A_PAYER[name], day=day(date.fromisoformat(told[name]))) for name in named]
    asked = body.get("requested_units")
    reference = say("reference {number}", number=body["reference"]) if "reference" in body else ""
    more = say("{count} asked for", count=asked) if asked is not None and asked != body.get("units") else ""
    return (*days, more, reference)
