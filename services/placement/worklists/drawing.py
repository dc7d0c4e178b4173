"""How a list's line of each kind is shown: what it is about, details, and how late it is, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.continuum.order import day_of
from services.placement.search.entry import UNANSWERED
from services.placement.worklists import care_drawing as care
from services.placement.worklists.glance import Drawn, Glance, inside, level, since_words
from services.placement.worklists.views import Line
from shared.site.needs import YES
from shared.web.badges import by, until
from shared.web.tables import Badge
from shared.web.wording import day, language_of, moment, spoken
from shared.web.words import say, say_count


def _search(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    to = level(body["recommended_level"])
    before = body.get("from_level", "none")
    what = (
        say("{level} recommended", level=to)
        if before == "none"
        else say("{level} recommended after {before}", level=to, before=inside(level(before)))
    )
    details = (search_began(line, body, now), *body.get("reasons", ()), needs_in_words(body, now))
    details = (*details, offers_sent(line, body))
    if line.state != "open":
        why = spoken(body.get("reason", ""))
        return what, (*details, why), Badge(say("closed: {why}", why=why))
    zone = now.zone(line.facility)
    if "start_by" in body.get("needs", {}):
        return what, details, by(date.fromisoformat(body["needs"]["start_by"]), now.at, zone)
    days = (day_of(now.at, zone) - _began_on(line, body, zone)).days
    since_today = say("waiting since today")
    waiting = since_today if days < 1 else say_count("waiting for {count} day", "waiting for {count} days", days)
    return what, details, Badge(waiting, "late" if days > 2 else "")


def offers_sent(line: Line, body: Mapping[str, Any]) -> str:
    """How many programs were asked in a search."""
    if asked := len(body.get("offers", ())):
        return say_count("{count} offer sent", "{count} offers sent", asked)
    return say("nobody asked yet") if line.state == "open" else say("nobody was asked")


def _began_on(line: Line, body: Mapping[str, Any], zone: ZoneInfo) -> date:
    """The day of the discharge or referral that the search began with."""
    return date.fromisoformat(body["began_on"]) if "began_on" in body else day_of(line.at, zone)


_BEGAN = {
    "discharge-planned": "the end of the stay is planned, since {day}",
    "assessed": "assessed {day}",
    "person": "looked for since {day}",
}


def search_began(line: Line, body: Mapping[str, Any], now: Glance) -> str:
    """`discharged Mon 9 Mar`, and when it became known where that was a later day; of a search while a stay is open
    also the first day that is looked for."""
    zone = now.zone(line.facility)
    began, learnt = _began_on(line, body, zone), day_of(datetime.fromisoformat(body["opened_at"]), zone)
    later = say(", known since {day}", day=day(learnt)) if learnt > began else ""
    what = body.get("began_with") or ("person" if body.get("begun_by") == "person" else "began")
    words = say(_BEGAN[what], day=day(began)) if what in _BEGAN else f"{spoken(what)} {day(began)}"
    ready = say(", for {day} or later", day=day(date.fromisoformat(body["ready_on"]))) if "ready_on" in body else ""
    return f"{words}{later}{ready}"


def needs_in_words(body: Mapping[str, Any], now: Glance) -> str:
    """What a search needs, as `needs 57 years old, payer: Medicaid`; empty where it needs nothing."""
    needs = body.get("needs", {})
    told = [_need(name, value, now) for name, value in needs.items() if value and name != "also"]
    told += [_own_need(name, values, now) for name, values in needs.get("also", {}).items()]
    return say("needs {what}", what=", ".join(told)) if told else ""


def _need(name: str, value: Any, now: Glance) -> str:
    if name == "age_years":
        return say_count("{count} year old", "{count} years old", int(value))
    if name == "start_by":
        return say("start by {day}", day=day(date.fromisoformat(value)))
    said = now.payer(value) if name == "payer" else language_of(value) if name == "language" else _said(value)
    return f"{spoken(name)}: {said}"


def _own_need(key: str, values: Sequence[str], now: Glance) -> str:
    """One of the site's own needs in the site's words."""
    need = now.site.need(key)
    words = need.words if need else spoken(key)
    return words if tuple(values) == YES else f"{words}: {_said(list(values))}"


def _said(value: Any) -> str:
    return ", ".join(map(spoken, value)) if isinstance(value, list) else spoken(str(value))


def _offer(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    first = _first_day(body["start_date"]) if "start_date" in body else say("no day proposed")
    more = " · ".join(spoken(body[name]) for name in ("track", "group") if name in body)
    sent_at = datetime.fromisoformat(body["sent_at"]) if "sent_at" in body else None
    sent = say("sent {at}", at=moment(sent_at, now.reading(line.facility))) if sent_at else ""
    why = spoken(body["reason"]) if "reason" in body else ""
    details = (f"{level(body.get('level'))} · {first}", more, sent, why, packet_in_words(body, now))
    waiting = line.state in {"sent", "countered"}
    if waiting and line.due is not None:
        return now.program(line.program), details, until(line.due, now.at)
    if waiting and (days := (now.at - line.at).days) >= UNANSWERED.days:
        unanswered = say_count("no answer for {count} day", "no answer for {count} days", days)
        return now.program(line.program), details, Badge(unanswered, "late")
    tone = {"accepted": "good", "declined": "late", "expired": "late", "countered": "soon"}.get(line.state, "")
    text = {"sent": say("waiting"), "countered": say("another day")}.get(line.state, spoken(line.state))
    return now.program(line.program), details, Badge(text, tone)


def packet_in_words(body: Mapping[str, Any], now: Glance) -> str:
    """What a program may read of an offer before it answers: age, why this level, needs, and whom to ask."""
    packet = body.get("packet", {})
    age = packet.get("age_years")
    old = say_count("{count} year of age", "{count} years of age", age) if age is not None else ""
    before = packet.get("from_level", "none")
    after = "" if before == "none" else say("after {level}", level=inside(level(before)))
    ask = packet.get("ask", {})
    whom = ", ".join(filter(None, (ask.get("coordinator"), ask.get("facility"))))
    told = (
        old,
        after,
        *packet.get("why", ()),
        needs_in_words(packet, now),
        say("ask {whom}", whom=whom) if whom else "",
    )
    return " · ".join(filter(None, told))


def _first_day(text: str) -> str:
    return say("first day {day}", day=day(date.fromisoformat(text)))


def _placement(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    first = date.fromisoformat(body["start_date"]) if "start_date" in body else None
    why = spoken(body["variance_reason"]) if "variance_reason" in body else ""
    variance = say("another level than recommended: {why}", why=why) if why else ""
    seat = say("has no seat") if body.get("seat") is False and line.state not in {"ended", "cancelled"} else ""
    begins = _first_day(body["start_date"]) if first else say("first day open")
    between = body.get("days_between") if body.get("gap") else None
    gap = say_count("{count} day in between", "{count} days in between", between) if between else ""
    inside_still = say("waits for the end of the stay") if body.get("stay_open") else ""
    told = say("said to have begun, which has no effect") if body.get("start_told") else ""
    more = (*_missed(line, body), *_received(body))
    details = (f"{level(body.get('level'))} · {begins}", *more, told, variance, seat, gap, inside_still)
    if line.state == "placed" and first is not None:
        over = first < day_of(now.at, now.zone(line.facility)) and not (inside_still or told)
        details = (*details, say("nobody said whether the patient came") if over else "")
        return now.program(line.program), details, _to_come(first, now.at, now.zone(line.facility))
    tone = {"missed": "late", "started": "good"}.get(line.state, "")
    return now.program(line.program), details, Badge(spoken(line.state), tone)


def _received(body: Mapping[str, Any]) -> tuple[str, ...]:
    """What of the handover the program has confirmed, and what is open of it."""
    receipt = body.get("receipt", {})
    if not receipt and "receipt_due" not in body:
        return ()
    arrived = say("arrival confirmed") if receipt.get("arrived") else ""
    read = say("packet read") if receipt.get("plan_read") else ""
    if "receipt_due" in body:
        arrived, read = arrived or say("arrival not confirmed"), read or say("packet not read")
    return arrived, read


def _missed(line: Line, body: Mapping[str, Any]) -> tuple[str, ...]:
    """Which first days were missed, and which one the program was asked for instead."""
    if line.state not in {"placed", "missed"}:
        return ()
    days = [day(date.fromisoformat(each)) for each in body.get("missed_days", ())]
    before = say("did not come on {days}", days=", ".join(days)) if days else ""
    other = day(date.fromisoformat(body["asked_day"])) if "asked_day" in body else ""
    return before, say("the program was asked for {day}", day=other) if other else ""


def _to_come(first: date, now: datetime, zone: tzinfo) -> Badge:
    """How far away a first day is."""
    days = (first - now.astimezone(zone).date()).days
    if days == 0:
        return Badge(say("today"), "soon")
    if days > 0:
        return Badge(say_count("in {count} day", "in {count} days", days))
    return Badge(say_count("{count} day overdue", "{count} days overdue", -days), "late")


def _arrival(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone, expected = now.zone(line.facility), date.fromisoformat(body["day"])
    what = now.program(line.program) if line.program else now.facility(line.facility)
    unit = say("unit {unit}", unit=body["unit"]) if "unit" in body else ""
    care = level(body["level"]) if "level" in body else ""
    told = say("told {at}", at=moment(line.at, now.reading(line.facility)))
    details = (care, unit, say("expected {day}", day=day(expected)), told)
    badge = _to_come(expected, now.at, zone)
    if badge.tone == "late" and line.due is not None and now.at < line.due:
        return what, details, Badge(badge.text, "soon")
    return what, details, badge


_ARRANGED = {
    "nothing-arranged": "nothing arranged",
    "looked-for": "a program is looked for",
    "arranged": "a program took the patient",
}


def _leaving(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    expected = date.fromisoformat(body["day"])
    stands = say(_ARRANGED[line.state])
    first = _first_day(body["start_date"]) if "start_date" in body else ""
    what = say("Leaves {level}", level=inside(level(body["level"])))
    return (
        what,
        (stands, first, say("expected {day}", day=day(expected))),
        _to_come(expected, now.at, now.zone(line.facility)),
    )


WAITS_FOR: Mapping[str, str] = {
    "bed": "a bed",
    "payer": "the payer",
    "placement": "a program",
    "family": "the family",
    "court": "a court",
    "transport": "transport",
    "other": "something else",
    "nothing": "nothing",
}
"""What a patient who is ready to step down waits for → in words."""


def _ready(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone = now.zone(line.facility)
    since = date.fromisoformat(body["ready_since"])
    days = (day_of(now.at, zone) - since).days
    waits = say("waits for {what}", what=say(WAITS_FOR.get(body["waiting_for"], "something else")))
    before = [say(WAITS_FOR.get(one["waiting_for"], "something else")) for one in body["spans"][:-1]]
    earlier = say("before that for {what}", what=", ".join(dict.fromkeys(before))) if before else ""
    ready = say("ready since {day}", day=day(since))
    waiting = say_count("{count} day", "{count} days", days)
    what = say("Ready to leave {level}", level=inside(level(body["level"])))
    return what, (waits, earlier, ready), Badge(waiting, "late" if days > 2 else "")


def _proposal(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    what = say("{level} is proposed", level=level(body["proposed"]))
    by = say("by an assessment: {name}", name=body["instrument"]) if "instrument" in body else say("by a referral")
    now_at = say("now {level}", level=inside(level(body["level"])))
    return what, (by, now_at, since_words(line, now)), Badge(say("to be decided"), "soon")


def _waiting(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    at = body.get("position")
    place = say("place {number} in line", number=at) if at else spoken(line.state)
    return now.program(line.program), (since_words(line, now),), Badge(place)


def _seat(line: Line, body: Mapping[str, Any], now: Glance) -> Drawn:
    zone = now.reading(line.facility)
    since, until = (datetime.fromisoformat(body[name]) if name in body else None for name in ("from", "until"))
    kept = say("from {at}", at=moment(since, zone)) if since else ""
    lasts = say("until {at}", at=moment(until, zone)) if until else ""
    return now.program(line.program), (kept, lasts), Badge(say("kept"))


Draw = Callable[[Line, Mapping[str, Any], Glance], Drawn]
DRAWN: Mapping[str, Draw] = {
    "search": _search,
    "offer": _offer,
    "placement": _placement,
    "waiting": _waiting,
    "arrival": _arrival,
    "leaving": _leaving,
    "ready": _ready,
    "proposal": _proposal,
    "conflict": care.conflict_drawn,
    "seat": _seat,
    "authorization": care.authorization_drawn,
    "ineffective": care.ineffective_drawn,
    "leftover": care.leftover_drawn,
    "plan": care.plan_drawn,
    "medication": care.medication_drawn,
    "review": care.review_drawn,
    "session": care.session_drawn,
    "withheld": care.withheld_drawn,
}
"""What a line is called → how it is drawn; `body` is what the API shows of the line."""
