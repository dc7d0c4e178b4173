"""How a list's line about care that goes on is shown: authorizations and reviews, plans, sessions, medication,
conflicts, what has no effect, and what waits for a basis. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.placement.continuum.order import day_of
from services.placement.search.entry import AHEAD
from services.placement.worklists.glance import Drawn, Glance, inside, level, since_words
from services.placement.worklists.review_words import DONE_BY, REVIEWS, more_of_a_payer, used_in_words
from services.placement.worklists.views import Line
from services.placement.worklists.wording import fact_words
from shared.web.badges import by
from shared.web.tables import Badge
from shared.web.wording import capital, day, spoken
from shared.web.words import say, say_count

_USED = {
    "day": ("{payer}: {used} of {count} day used", "{payer}: {used} of {count} days used"),
    "session": ("{payer}: {used} of {count} session used", "{payer}: {used} of {count} sessions used"),
    "hour": ("{payer}: {used} of {count} hour used", "{payer}: {used} of {count} hours used"),
}
_USED_WITHOUT_LIMIT = {
    "day": ("{payer}: {count} day used", "{payer}: {count} days used"),
    "session": ("{payer}: {count} session used", "{payer}: {count} sessions used"),
    "hour": ("{payer}: {count} hour used", "{payer}: {count} hours used"),
}


def authorization_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    unit, units, used = str(body["unit"]), body.get("units"), body.get("used", 0)
    if units is None:
        what = say_count(*_USED_WITHOUT_LIMIT[unit], used, payer=now.payer(body["payer"]))
    else:
        what = say_count(*_USED[unit], units, used=used, payer=now.payer(body["payer"]))
    begins, ends = (day(date.fromisoformat(body[name])) for name in ("from", "to"))
    days = say("{since} to {until}", since=begins, until=ends)
    number = say("number {number}", number=body["number"]) if "number" in body else ""
    details = (f"{level(body['level'])} · {days}", number, *more_of_a_payer(body))
    if body.get("over"):
        return what, details, Badge(say("over by {count}", count=body["over"]), "late")
    left = body.get("left")
    if left is not None and left <= 0:
        return what, details, Badge(say("nothing left"), "late")
    if line.due is not None and now.at < line.due <= now.at + AHEAD:
        last = (date.fromisoformat(body["to"]) - day_of(now.at, now.zone(line.facility))).days
        soon = {0: say("ends today"), 1: say("ends tomorrow")}
        return what, details, Badge(soon.get(last) or say("ends in {count} days", count=last), "soon")
    return what, details, Badge(say("{count} left", count=left) if left is not None else say("no limit"), "soon")


_CONFLICTS = {
    "two-24-hour-stays": "Two 24-hour stays at once",
    "attended-inside-24-hour-stay": "Attended inside a 24-hour stay",
}


def conflict_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    kind, since = str(body.get("kind", "conflict")), since_words(line, now)
    facts = [now.facts[fact["ce_id"]].sentence() for fact in body.get("facts", ())]
    what = say(_CONFLICTS[kind]) if kind in _CONFLICTS else capital(spoken(kind))
    return what, (since, *facts), Badge(spoken(line.state), "late")


def ineffective_drawn(_: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    told = [(now.facts[fact["ce_id"]], say(fact["means"])) for fact in body["facts"]]
    badge = Badge(say("no effect"), "late")
    if len(told) == 1:
        [(fact, why)] = told
        return capital(fact.short()), (say("said by {who}", who=say(fact.who)), why), badge
    return (
        say("{count} things that were told", count=len(told)),
        tuple(f"{fact.sentence()}: {why}" for fact, why in told),
        badge,
    )


def leftover_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    told = [now.facts[fact["ce_id"]] for fact in body["facts"]]
    badge = Badge(say("stays here"), "good") if line.state == "stays" else Badge(say("whose is it?"), "late")
    what = capital(told[0].short()) if told else say("Left by a merge")
    return what, (since_words(line, now), *(fact.sentence() for fact in told)), badge


_WEEK = ("{hours} hours a week on {count} day", "{hours} hours a week on {count} days")


def plan_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone, due = now.zone(line.facility), date.fromisoformat(body["review_due"])
    hours, days, goals = (body.get(name) for name in ("hours_week", "days_week", "goals"))
    week = say_count(*_WEEK, days, hours=f"{hours:g}") if hours and days else ""
    many = say_count("{count} goal", "{count} goals", goals) if goals is not None else ""
    details = (week, many, since_words(line, now), say("to be reviewed by {day}", day=day(due)))
    return say("Plan for {level}", level=inside(level(body["level"]))), details, by(due, now.at, zone)


def medication_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    given, due = (date.fromisoformat(body[name]) if name in body else None for name in ("last_given", "next_due"))
    in_hand = body.get("days_in_hand")
    first = body.get("first_day")
    details = (
        say("last given {day}", day=day(given)) if given else "",
        say_count("{count} day in hand", "{count} days in hand", in_hand) if in_hand is not None else "",
        say("prescriber {npi}", npi=body["prescriber_npi"]) if "prescriber_npi" in body else "",
        say("first day {day}", day=day(date.fromisoformat(first))) if first else say("no first day is known"),
    )
    badge = by(due, now.at, now.zone(line.facility)) if due else Badge(say("no dose is due"))
    if line.state != "active":
        badge = Badge(spoken(line.state))
    return say("Medication {code}", code=f"{body['system']} {body['code']}"), details, badge


def review_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone, due = now.zone(line.facility), date.fromisoformat(body["due_on"])
    kind, payer = str(body["kind"]), now.payer(body["payer"]) if "payer" in body else ""
    what = say(REVIEWS[kind]) if kind in REVIEWS else capital(spoken(kind))
    number = say("number {number}", number=body["number"]) if "number" in body else ""
    details = (payer, level(body.get("level")), used_in_words(body), number, say("by {day}", day=day(due)))
    if line.state == "done":
        done = date.fromisoformat(body.get("done_on", body["due_on"]))
        said = say(DONE_BY.get(str(body.get("done_by")), DONE_BY["person"]), day=day(done))
        return what, details, Badge(said, "late" if done > due else "good")
    return what, details, by(due, now.at, zone)


def session_drawn(line: Line, body: Mapping[str, Any], __: Glance) -> Drawn:
    given = "; ".join(_given(one) for one in body.get("services", ()))
    why, effect = spoken(body.get("reason", "")), body.get("effect", {})
    badge = {"attended": Badge(say("was there"), "good"), "absent": Badge(say("was not there"), "late")}
    details = (given, f"{say('group')} {body['group']}" if "group" in body else "", why, str(effect.get("means", "")))
    return day(date.fromisoformat(body["date"])), details, badge.get(line.state, Badge(say("taken back")))


def _given(one: Mapping[str, Any]) -> str:
    minutes = int(one.get("minutes", 0))
    length = say_count("{count} minute", "{count} minutes", minutes) if minutes else ""
    return ", ".join(filter(None, (spoken(one["kind"]), length, spoken(one.get("mode", "")))))


NO_BASIS = {
    "no-consent": "no consent",
    "other-discloser": "the consent is for another facility",
    "other-purpose": "the consent is for another purpose",
    "cancelled": "the consent was given in error",
    "revoked": "the consent is revoked",
    "expired": "the consent is over",
    "not-begun": "the consent has not begun",
    "not-in-scope": "the consent does not cover it",
}


def withheld_drawn(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    told = capital(say(fact_words(body["fact_type"])))
    what = say("{what}: waits for {recipient}", what=told, recipient=body["recipient_title"])
    why = say(NO_BASIS[line.state]) if line.state in NO_BASIS else spoken(line.state)
    return what, (since_words(line, now),), Badge(why)
