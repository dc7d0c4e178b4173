"""How a list's line of each kind is shown: what it is about, details, and how late it is, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.continuum.order import day_of
from services.placement.search.entry import AHEAD, UNANSWERED
from services.placement.worklists.views import Line
from services.placement.worklists.wording import FactWords, fact_words
from shared.events.levels import WORDS
from shared.site.config import Site
from shared.web.badges import by, until
from shared.web.desk import Badge
from shared.web.marks import Team
from shared.web.wording import day, moment, spoken
from shared.web.words import say, say_count


@dataclass(frozen=True)
class Glance:
    """The time and the site with which lines are shown. `facts`: ce_id → the fact in words, for lines that name facts;
    `reader`: the zone in which instants are told, None: in the facility's; `team`: what colleagues are
    called. Days are always the facility's."""

    at: datetime
    site: Site
    facts: Mapping[str, FactWords] = field(default_factory=dict, kw_only=True)
    reader: tzinfo | None = field(default=None, kw_only=True)
    team: Team = field(default=Team("", {}), kw_only=True)

    def zone(self, facility: str) -> ZoneInfo:
        """The facility's zone."""
        return self.site.zone(facility)

    def reading(self, facility: str) -> tzinfo:
        """The zone in which an instant at the facility is told."""
        return self.reader or self.zone(facility)

    def facility(self, facility: str) -> str:
        """A facility's title, else its name."""
        found = self.site.facility(facility)
        return found.title if found else facility

    def payer(self, payer: str) -> str:
        """A payer's title, else its id."""
        return next((each.title for each in self.site.payers if each.id == payer), payer)

    def program(self, program: str | None) -> str:
        """A program's title, else its id."""
        found = self.site.program(program) if program else None
        return found.title if found else program or "no program"


Drawn = tuple[str, tuple[str, ...], Badge]
"""How a line is shown: what it is about, its details, and a badge with its state."""


def level(code: str | None) -> str:
    """A level of care in words."""
    return WORDS.get(code or "", "No level")


def inside(sentence: str) -> str:
    """The same words with a small first letter, for use within a sentence."""
    return sentence[:1].lower() + sentence[1:]


def _search(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    to = level(body["recommended_level"])
    before = body.get("from_level", "none")
    what = f"{to} recommended" + ("" if before == "none" else f" after {inside(level(before))}")
    asked = len(body.get("offers", ()))
    sent = f"{asked} offer{'s' if asked != 1 else ''} sent" if asked else "nobody asked yet"
    details = (search_began(line, body, now), *body.get("reasons", ()), needs_in_words(body), sent)
    if line.state != "open":
        return what, (*details, spoken(body.get("reason", ""))), Badge(f"closed: {spoken(body.get('reason', ''))}")
    zone = now.zone(line.facility)
    if "start_by" in body.get("needs", {}):
        return what, details, by(date.fromisoformat(body["needs"]["start_by"]), now.at, zone)
    days = (day_of(now.at, zone) - _began_on(line, body, zone)).days
    waiting = "since today" if days < 1 else f"for {days} day{'s' if days > 1 else ''}"
    return what, details, Badge(f"waiting {waiting}", "late" if days > 2 else "")


def _began_on(line: Line, body: Mapping[str, Any], zone: ZoneInfo) -> date:
    """The day of the discharge or referral that the search began with."""
    return date.fromisoformat(body["began_on"]) if "began_on" in body else day_of(line.at, zone)


def search_began(line: Line, body: Mapping[str, Any], now: Glance) -> str:
    """`discharged Mon 9 Mar`, and when it became known where that was a later day."""
    zone = now.zone(line.facility)
    began, learnt = _began_on(line, body, zone), day_of(datetime.fromisoformat(body["opened_at"]), zone)
    later = f", known since {day(learnt)}" if learnt > began else ""
    return f"{spoken(body.get('began_with', 'began'))} {day(began)}{later}"


def needs_in_words(body: Mapping[str, Any]) -> str:
    """What a search needs, as `needs 57 years, payer: MEDICAID`; empty where it needs nothing."""
    told = [_need(name, value) for name, value in body.get("needs", {}).items() if value]
    return say("needs {what}", what=", ".join(told)) if told else ""


def _need(name: str, value: Any) -> str:
    if name == "age_years":
        return say_count("{count} year of age", "{count} years of age", int(value))
    if name == "start_by":
        return say("start by {day}", day=day(date.fromisoformat(value)))
    return f"{say(spoken(name))}: {_said(value)}"


def _said(value: Any) -> str:
    return ", ".join(map(spoken, value)) if isinstance(value, list) else spoken(str(value))


def _offer(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    first = f"first day {day(date.fromisoformat(body['start_date']))}" if "start_date" in body else "no day proposed"
    more = " · ".join(spoken(body[name]) for name in ("track", "group") if name in body)
    sent = (
        f"sent {moment(datetime.fromisoformat(body['sent_at']), now.reading(line.facility))}"
        if "sent_at" in body
        else ""
    )
    why = spoken(body["reason"]) if "reason" in body else ""
    details = (f"{level(body.get('level'))} · {first}", more, sent, why, packet_in_words(body))
    waiting = line.state in {"sent", "countered"}
    if waiting and line.due is not None:
        return now.program(line.program), details, until(line.due, now.at)
    if waiting and (days := (now.at - line.at).days) >= UNANSWERED.days:
        return now.program(line.program), details, Badge(f"no answer for {days} day{'s' if days > 1 else ''}", "late")
    tone = {"accepted": "good", "declined": "late", "expired": "late", "countered": "soon"}.get(line.state, "")
    text = {"sent": "waiting", "countered": "another day"}.get(line.state, spoken(line.state))
    return now.program(line.program), details, Badge(text, tone)


def packet_in_words(body: Mapping[str, Any]) -> str:
    """What a program may read of an offer before it answers: age, why this level, needs, and whom to ask."""
    packet = body.get("packet", {})
    age = packet.get("age_years")
    old = say_count("{count} year of age", "{count} years of age", age) if age is not None else ""
    before = packet.get("from_level", "none")
    after = "" if before == "none" else say("after {level}", level=inside(level(before)))
    ask = packet.get("ask", {})
    whom = ", ".join(filter(None, (ask.get("coordinator"), ask.get("facility"))))
    told = (old, after, *packet.get("why", ()), needs_in_words(packet), say("ask {whom}", whom=whom) if whom else "")
    return " · ".join(filter(None, told))


def _placement(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    first = date.fromisoformat(body["start_date"]) if "start_date" in body else None
    variance = f"another level than recommended: {spoken(body['variance_reason'])}" if "variance_reason" in body else ""
    seat = "has no seat" if body.get("seat") is False and line.state not in {"ended", "cancelled"} else ""
    details = (f"{level(body.get('level'))} · first day {day(first) if first else 'open'}", variance, seat)
    if line.state == "placed" and first is not None:
        return now.program(line.program), details, _to_come(first, now.at, now.zone(line.facility))
    tone = {"missed": "late", "started": "good"}.get(line.state, "")
    return now.program(line.program), details, Badge(spoken(line.state), tone)


def _to_come(first: date, now: datetime, zone: tzinfo) -> Badge:
    """How far away a first day is."""
    days = (first - now.astimezone(zone).date()).days
    if days == 0:
        return Badge("today", "soon")
    many = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return Badge(f"in {many}") if days > 0 else Badge(f"{many} overdue", "late")


def _waiting(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    place = f"place {body['position']} in line" if body.get("position") else spoken(line.state)
    return now.program(line.program), (f"since {moment(line.at, now.reading(line.facility))}",), Badge(place)


def _authorization(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    unit, units = spoken(str(body["unit"])), body.get("units")
    of = f" of {units}" if units is not None else ""
    what = f"{body['payer']}: {body.get('used', 0)}{of} {unit}{'' if units == 1 else 's'} used"
    days = " to ".join(day(date.fromisoformat(body[name])) for name in ("from", "to"))
    details = (f"{level(body['level'])} · {days}", f"number {body['number']}" if "number" in body else "")
    if body.get("over"):
        return what, details, Badge(f"over by {body['over']}", "late")
    left = body.get("left")
    if left is not None and left <= 0:
        return what, details, Badge("nothing left", "late")
    if line.due is not None and now.at < line.due <= now.at + AHEAD:
        last = (date.fromisoformat(body["to"]) - day_of(now.at, now.zone(line.facility))).days
        ends = {0: "ends today", 1: "ends tomorrow"}.get(last, f"ends in {last} days")
        return what, details, Badge(ends, "soon")
    return what, details, Badge(f"{left} left" if left is not None else "no limit", "soon")


def _seat(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone = now.reading(line.facility)
    since, until = (datetime.fromisoformat(body[name]) if name in body else None for name in ("from", "until"))
    kept = f"from {moment(since, zone)}" if since else ""
    return now.program(line.program), (kept, f"until {moment(until, zone)}" if until else ""), Badge("kept")


_CONFLICTS = {
    "two-24-hour-stays": "Two 24-hour stays at once",
    "attended-inside-24-hour-stay": "Attended inside a 24-hour stay",
}


def _conflict(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    kind, since = str(body.get("kind", "conflict")), f"since {moment(line.at, now.reading(line.facility))}"
    facts = [now.facts[fact["ce_id"]].sentence() for fact in body.get("facts", ())]
    return _CONFLICTS.get(kind, spoken(kind).capitalize()), (since, *facts), Badge(spoken(line.state), "late")


def _ineffective(_: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    told = [(now.facts[fact["ce_id"]], fact["means"]) for fact in body["facts"]]
    badge = Badge("no effect", "late")
    if len(told) == 1:
        [(fact, why)] = told
        what = fact.short()
        return what[:1].upper() + what[1:], (f"said by {fact.who}", why), badge
    return f"{len(told)} things that were told", tuple(f"{fact.sentence()}: {why}" for fact, why in told), badge


def _plan(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone, due = now.zone(line.facility), date.fromisoformat(body["review_due"])
    hours, days, goals = (body.get(name) for name in ("hours_week", "days_week", "goals"))
    week = f"{hours:g} hours a week on {days} day{'' if days == 1 else 's'}" if hours and days else ""
    many = f"{goals} goal{'' if goals == 1 else 's'}" if goals is not None else ""
    details = (week, many, f"since {moment(line.at, now.reading(line.facility))}", f"to be reviewed by {day(due)}")
    return f"Plan for {inside(level(body['level']))}", details, by(due, now.at, zone)


def _session(line: Line, body: Mapping[str, Any], __: Glance) -> Drawn:
    given = ", ".join(_given(one) for one in body.get("services", ()))
    why, effect = spoken(body.get("reason", "")), body.get("effect", {})
    badge = {"attended": Badge(say("was there"), "good"), "absent": Badge(say("was not there"), "late")}
    details = (given, f"{say('group')} {body['group']}" if "group" in body else "", why, str(effect.get("means", "")))
    return day(date.fromisoformat(body["date"])), details, badge.get(line.state, Badge(say("taken back")))


def _given(one: Mapping[str, Any]) -> str:
    minutes = int(one.get("minutes", 0))
    length = say_count("{count} minute", "{count} minutes", minutes) if minutes else ""
    return " ".join(filter(None, (say(spoken(one["kind"])), length, say(spoken(one.get("mode", ""))))))


_NO_BASIS = {
    "no-consent": "no consent",
    "other-discloser": "the consent is for another facility",
    "other-purpose": "the consent is for another purpose",
    "cancelled": "the consent was given in error",
    "revoked": "the consent is revoked",
    "expired": "the consent is over",
    "not-begun": "the consent has not begun",
    "not-in-scope": "the consent does not cover it",
}


def _withheld(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    what = f"{fact_words(body['fact_type']).capitalize()}: waits for {body['recipient_title']}"
    return (
        what,
        (f"since {moment(line.at, now.reading(line.facility))}",),
        Badge(_NO_BASIS.get(line.state, spoken(line.state))),
    )


Draw = Callable[[Line, Mapping[str, Any], Glance], Drawn]
DRAWN: Mapping[str, Draw] = {
    "search": _search,
    "offer": _offer,
    "placement": _placement,
    "waiting": _waiting,
    "conflict": _conflict,
    "seat": _seat,
    "authorization": _authorization,
    "ineffective": _ineffective,
    "plan": _plan,
    "session": _session,
    "withheld": _withheld,
}
"""What a line is called → how it is drawn; `body` is what the API shows of the line."""
