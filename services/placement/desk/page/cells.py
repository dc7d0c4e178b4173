"""What the columns of placement's lists show of a line (worklists/lists.py has which list has which). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

from services.placement.worklists.drawing import needs_in_words, offers_sent, search_began
from services.placement.worklists.glance import Drawn, Glance
from services.placement.worklists.review_words import used_in_words
from services.placement.worklists.views import Line
from shared.web.marks import who_cell
from shared.web.tables import Cell
from shared.web.wording import day, moment
from shared.web.words import say

Body = Mapping[str, Any]
"""What the API shows of a line."""


def cells_of(line: Line, body: Body, drawn: Drawn, now: Glance) -> Mapping[str, Cell]:
    """Column → what it shows of a line; `drawn`: how the line is drawn where it stands alone."""
    what, details, badge = drawn
    told = tuple(filter(None, details))
    common = {
        "what": Cell(what, told),
        "waiting": Cell(badge=badge),
        "since": Cell(moment(line.at, now.reading(line.facility))),
        "facility": Cell(now.facility(line.facility)),
        "payer": Cell(now.payer(_payer(body))),
        "levels": Cell(levels=tuple(_levels(body))),
        "who": who_cell(line.mark, now.team, now.at, (now.reading(line.facility), now.zone(line.facility))),
        "program": Cell(now.program(line.program) if line.program else ""),
    }
    own = _OWN.get(line.kind)
    return {**common, **(own(line, body, drawn, now) if own is not None else {})}


def _payer(body: Body) -> str:
    return str(body.get("needs", {}).get("payer") or body.get("payer", ""))


def _levels(body: Body) -> Iterator[str]:
    if (before := body.get("from_level", "none")) != "none":
        yield before
    if (to := body.get("recommended_level" if "search_id" in body and "level" not in body else "level")) is not None:
        yield to


def _search(line: Line, body: Body, drawn: Drawn, now: Glance) -> Mapping[str, Cell]:
    more = tuple(filter(None, (*body.get("reasons", ()), needs_in_words(body, now))))
    return {
        "stands": Cell(offers_sent(line, body), more),
        "waiting": Cell(badge=drawn[2], more=(search_began(line, body, now),)),
    }


def _offer(line: Line, body: Body, drawn: Drawn, now: Glance) -> Mapping[str, Cell]:
    first = day(date.fromisoformat(body["start_date"])) if "start_date" in body else say("no day proposed")
    _, (_, more, _, why, packet), _ = drawn
    due = (moment(line.due, now.reading(line.facility)),) if line.due is not None else ()
    return {
        "day": Cell(first),
        "stands": Cell(why or more, tuple(filter(None, (more if why else "", packet)))),
        "waiting": Cell(badge=drawn[2], more=due),
        "since": Cell(_told_at(body.get("sent_at"), line, now)),
    }


def _placement(_: Line, body: Body, drawn: Drawn, __: Glance) -> Mapping[str, Cell]:
    first = day(date.fromisoformat(body["start_date"])) if "start_date" in body else say("open")
    told = [each for each in drawn[1][1:] if each]
    text = say("first day {day}", day=first)
    return {"stands": Cell(text, told), "waiting": Cell(badge=drawn[2])}


def _arrival(_: Line, __: Body, drawn: Drawn, ___: Glance) -> Mapping[str, Cell]:
    details, badge = drawn[1], drawn[2]
    return {"stands": Cell(details[1]), "waiting": Cell(badge=badge, more=(details[2],))}


def _still_there(_: Line, __: Body, drawn: Drawn, ___: Glance) -> Mapping[str, Cell]:
    details = [each for each in drawn[1][1:] if each]
    return {"stands": Cell(drawn[1][0], tuple(details)), "waiting": Cell(badge=drawn[2])}


def _proposal(_: Line, __: Body, drawn: Drawn, ___: Glance) -> Mapping[str, Cell]:
    return {"stands": Cell(drawn[0], tuple(filter(None, drawn[1]))), "waiting": Cell(badge=drawn[2])}


def _review(line: Line, body: Body, drawn: Drawn, now: Glance) -> Mapping[str, Cell]:
    since, left = body.get("since"), body.get("left")
    return {
        "what": Cell(drawn[0], (used_in_words(body),) if body.get("used") is not None else ()),
        "waiting": Cell(badge=drawn[2], more=(day(date.fromisoformat(body["due_on"])),)),
        "used": Cell(used_in_words(body)),
        "left": Cell(str(left) if left is not None else ""),
        "next": Cell(day(date.fromisoformat(body["next_review"])) if "next_review" in body else ""),
        "number": Cell(str(body.get("number", ""))),
        "reference": Cell(str(body.get("reference", ""))),
        "since": Cell(_told_at(since, line, now)),
    }


def _told_at(text: str | None, line: Line, now: Glance) -> str:
    return moment(datetime.fromisoformat(text), now.reading(line.facility)) if text else ""


_OWN: Mapping[str, Callable[[Line, Body, Drawn, Glance], Mapping[str, Cell]]] = {
    "search": _search,
    "offer": _offer,
    "placement": _placement,
    "arrival": _arrival,
    "leaving": _still_there,
    "ready": _still_there,
    "proposal": _proposal,
    "review": _review,
}
"""Kind of line → its own cells, where they are not those that every line has."""
