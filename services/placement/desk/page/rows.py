"""One row of the coordinators' desk: what a line of the API says in words, and what can be done about it. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from services.placement.continuum.order import day_of
from services.placement.desk.frame import CARE, Write
from services.placement.desk.page import wording
from services.placement.worklists.views import Line
from shared.events.levels import WORDS
from shared.site.config import Site
from shared.web.auth import Caller
from shared.web.desk import Badge, Row, by, may, until
from shared.web.form_posts import address
from shared.web.forms import Form, local, questions
from shared.web.wording import day, moment, spoken


@dataclass(frozen=True)
class Reader:
    """Who reads rows, when and by which site; `writes`: path → write of the API."""

    who: Caller
    at: datetime
    site: Site
    writes: Mapping[str, Write]

    def zone(self, facility: str) -> ZoneInfo:
        """The facility's zone."""
        return self.site.zone(facility)

    def program(self, program: str | None) -> str:
        """A program's title, else its id."""
        found = self.site.program(program) if program else None
        return found.title if found else program or "no program"


Told = tuple[str, tuple[str, ...], Badge]


def row_of(line: Line, body: Mapping[str, Any], reader: Reader, *, linked: bool = True) -> Row:
    """A row of a line; `body` is what the API shows of it; `linked`: with the way to what a search looks at."""
    what, details, badge = _TOLD[line.kind](line, body, reader)
    looked_at = linked and (line.kind, line.state) == ("search", "open") and may(reader.who, CARE)
    link = (f"/?search={line.id}", "Programs that suit") if looked_at else None
    return Row(
        what,
        badge,
        line.facility,
        line.patient_id,
        details=tuple(filter(None, details)),
        link=link,
        forms=tuple(_forms(line, body, reader)),
    )


def level(code: str | None) -> str:
    """A level of care in words."""
    return WORDS.get(code or "", "No level")


def inside(sentence: str) -> str:
    """The same words within a sentence."""
    return sentence[:1].lower() + sentence[1:]


def _search(line: Line, body: Mapping[str, Any], reader: Reader) -> Told:
    to = level(body["recommended_level"])
    before = body.get("from_level", "none")
    what = f"{to} recommended" + ("" if before == "none" else f" after {inside(level(before))}")
    needs = ", ".join(f"{spoken(name)}: {_said(value)}" for name, value in body.get("needs", {}).items() if value)
    asked = len(body.get("offers", ()))
    sent = f"{asked} offer{'s' if asked != 1 else ''} sent" if asked else "nobody asked yet"
    details = (_began(line, body, reader), *body.get("reasons", ()), f"needs {needs}" if needs else "", sent)
    if line.state != "open":
        return what, (*details, spoken(body.get("reason", ""))), Badge(f"closed: {spoken(body.get('reason', ''))}")
    zone = reader.zone(line.facility)
    if "start_by" in body.get("needs", {}):
        return what, details, by(date.fromisoformat(body["needs"]["start_by"]), reader.at, zone)
    days = (day_of(reader.at, zone) - _began_on(line, body, zone)).days
    waiting = "since today" if days < 1 else f"for {days} day{'s' if days > 1 else ''}"
    return what, details, Badge(f"waiting {waiting}", "late" if days > 2 else "")


def _began_on(line: Line, body: Mapping[str, Any], zone: ZoneInfo) -> date:
    """The day of the discharge or referral that the search began with."""
    return date.fromisoformat(body["began_on"]) if "began_on" in body else day_of(line.at, zone)


def _began(line: Line, body: Mapping[str, Any], reader: Reader) -> str:
    """`discharged Mon 9 Mar`, and when we learnt it where that was a later day."""
    zone = reader.zone(line.facility)
    began, learnt = _began_on(line, body, zone), day_of(datetime.fromisoformat(body["opened_at"]), zone)
    later = f", known since {day(learnt)}" if learnt > began else ""
    return f"{spoken(body.get('began_with', 'began'))} {day(began)}{later}"


def _said(value: Any) -> str:
    return ", ".join(map(spoken, value)) if isinstance(value, list) else spoken(str(value))


def _offer(line: Line, body: Mapping[str, Any], reader: Reader) -> Told:
    zone = reader.zone(line.facility)
    first = f"first day {day(date.fromisoformat(body['start_date']))}" if "start_date" in body else "no day proposed"
    more = " · ".join(spoken(body[name]) for name in ("track", "group") if name in body)
    sent = f"sent {moment(datetime.fromisoformat(body['sent_at']), zone)}" if "sent_at" in body else ""
    why = spoken(body["reason"]) if "reason" in body else ""
    details = (f"{level(body.get('level'))} · {first}", more, sent, why)
    waiting = line.state in {"sent", "countered"}
    if waiting and line.due is not None:
        return reader.program(line.program), details, until(line.due, reader.at)
    tone = {"accepted": "good", "declined": "late", "expired": "late", "countered": "soon"}.get(line.state, "")
    text = {"sent": "waiting", "countered": "another day"}.get(line.state, spoken(line.state))
    return reader.program(line.program), details, Badge(text, tone)


def _placement(line: Line, body: Mapping[str, Any], reader: Reader) -> Told:
    first = date.fromisoformat(body["start_date"]) if "start_date" in body else None
    variance = f"another level than recommended: {spoken(body['variance_reason'])}" if "variance_reason" in body else ""
    seat = "" if body.get("seat") or line.state in {"ended", "cancelled"} else "has no seat"
    details = (f"{level(body.get('level'))} · first day {day(first) if first else 'open'}", variance, seat)
    if line.state == "placed" and first is not None:
        return reader.program(line.program), details, _to_come(first, reader.at, reader.zone(line.facility))
    tone = {"missed": "late", "started": "good"}.get(line.state, "")
    return reader.program(line.program), details, Badge(spoken(line.state), tone)


def _to_come(first: date, now: datetime, zone: tzinfo) -> Badge:
    """How far a first day is."""
    days = (first - now.astimezone(zone).date()).days
    if days == 0:
        return Badge("today", "soon")
    many = "1 day" if abs(days) == 1 else f"{abs(days)} days"
    return Badge(f"in {many}") if days > 0 else Badge(f"{many} overdue", "late")


def _waiting(line: Line, body: Mapping[str, Any], reader: Reader) -> Told:
    place = f"place {body['position']} in line" if body.get("position") else spoken(line.state)
    return reader.program(line.program), (f"since {moment(line.at, reader.zone(line.facility))}",), Badge(place)


def _authorization(_: Line, body: Mapping[str, Any], __: Reader) -> Told:
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
    return what, details, Badge(f"{left} left" if left is not None else "no limit", "soon")


def _seat(line: Line, body: Mapping[str, Any], reader: Reader) -> Told:
    zone = reader.zone(line.facility)
    since, until = (datetime.fromisoformat(body[name]) if name in body else None for name in ("from", "until"))
    kept = f"from {moment(since, zone)}" if since else ""
    return reader.program(line.program), (kept, f"until {moment(until, zone)}" if until else ""), Badge("kept")


def _conflict(line: Line, body: Mapping[str, Any], reader: Reader) -> Told:
    since = f"since {moment(line.at, reader.zone(line.facility))}"
    facts = [_plainly(fact["says"]) for fact in body.get("facts", ())]
    return spoken(str(body.get("kind", "conflict"))).capitalize(), (since, *facts), Badge(spoken(line.state), "late")


def _plainly(sentence: str) -> str:
    """Without the ids that stand in parentheses."""
    return _IDS.sub("", sentence)


_IDS = re.compile(r" \([^)]*\)")
_TOLD: dict[str, Callable[[Line, Mapping[str, Any], Reader], Told]] = {
    "search": _search,
    "offer": _offer,
    "placement": _placement,
    "waiting": _waiting,
    "conflict": _conflict,
    "seat": _seat,
    "authorization": _authorization,
}
_OFFERED: dict[tuple[str, str], tuple[str, ...]] = {
    ("search", "open"): ("needs", "closed"),
    ("offer", "sent"): ("accepted", "declined", "countered", "withdrawn"),
    ("offer", "countered"): ("accepted", "declined", "withdrawn"),
    ("offer", "declined"): ("reopened",),
    ("offer", "expired"): ("reopened",),
    ("offer", "withdrawn"): ("reopened",),
    ("placement", "placed"): ("started", "start-missed", "cancelled"),
    ("placement", "missed"): ("started", "cancelled"),
    ("placement", "started"): (
        "completed", "discontinued", "leave-started", "leave-ended", "diagnosed", "started-corrected",
        "start-withdrawn",
    ),
    ("placement", "ended"): ("end-corrected", "end-withdrawn"),
    ("waiting", "waiting"): ("left",),
    ("seat", "held"): ("released",),
    ("authorization", "approved"): ("extended", "requested"),
    ("authorization", "extended"): ("extended", "requested"),
}  # fmt: skip
"""What is offered for an entry in a state, the likeliest first, where the API has it."""
_LISTS = {
    "search": "searches", "offer": "offers", "placement": "placements", "waiting": "waitlist", "seat": "seats",
    "authorization": "authorizations",
}  # fmt: skip
_POSSIBLE: dict[str, Callable[[Mapping[str, Any], date], bool]] = {
    "reopened": lambda body, _: bool(body.get("search_open", True)) and not body.get("asked_again"),
    "start-missed": lambda body, today: str(body.get("start_date", "")) <= today.isoformat(),
    "leave-started": lambda body, _: not body.get("on_leave"),
    "leave-ended": lambda body, _: bool(body.get("on_leave")),
    "started-corrected": lambda body, _: body.get("stay", {}).get("kind") == "placement",
    "start-withdrawn": lambda body, _: not body.get("attended"),
}
"""What may be done with an entry only where this is so on this day, beyond its state: a button that can't work is none.
What is known of a search's offers besides is told by the page."""


def _forms(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    today = day_of(reader.at, reader.zone(line.facility))
    for to in _OFFERED.get((line.kind, line.state), ()):
        path = f"/api/{_LISTS[line.kind]}/{{id}}/{to}"
        condition, write = _POSSIBLE.get(to), able(path, reader)
        if write is None or not (write.decide.asker or _own(line, reader)):
            continue
        if condition is None or condition(body, today):
            needed = ("start_date",) if to == "accepted" and "start_date" not in body else ()
            yield form(write, line, reader, proposed=_proposed(to, body, line, reader), required=needed)
    yield from _settling(line, body, reader)
    again = able("/api/searches", reader) if line.kind == "search" and body.get("open_again") else None
    if again is not None:
        yield form(again, line, reader, given={"episode_id": line.episode_id})


def _own(line: Line, reader: Reader) -> bool:
    """Whether it is the reader's own, and not only what a search of theirs asked for."""
    return reader.who.scope.has_all((line.facility, *line.besides))


def _settling(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    """Of a conflict: each fact may be the one that falls, or none."""
    write = able("/api/conflicts/{id}/settled", reader)
    if (line.kind, line.state) != ("conflict", "open") or write is None:
        return
    for fact in body.get("facts", ()):
        falling = form(write, line, reader, given={"falls": fact["ce_id"]})
        yield falling._replace(label=f"Not so: {_plainly(fact['says']).partition(', said by')[0]}")
    yield form(write, line, reader, given={"falls": ""})


def able(path: str, reader: Reader) -> Write | None:
    """The write, where the API has it and this reader may."""
    write = reader.writes.get(path)
    return write if write is not None and path in wording.LABELS and may(reader.who, write.roles) else None


def _proposed(to: str, body: Mapping[str, Any], line: Line, reader: Reader) -> dict[str, str]:
    zone = reader.zone(line.facility)
    now, first = local(reader.at, zone), str(body.get("start_date", ""))
    if to == "needs":
        return {name: str(value) for name, value in body.get("needs", {}).items() if not isinstance(value, list)}
    if line.kind == "authorization":
        return {name: str(body[name]) for name in ("units", "to", "number") if name in body}
    if to in {"accepted", "countered", "started-corrected"}:
        return {"start_date": first, "date": first}
    if to == "started":
        return {"date": min(first or now[:10], now[:10])}
    return {"date": now[:10], "at": now}


_LEFT_OUT = ("days", "programs", "needs", "services", "returned_at", "unit")
"""Fields that a plain form does not ask for: the API does."""
_OF_A_PAYER = (*_LEFT_OUT, "from", "reason")


def form(
    write: Write,
    line: Line,
    reader: Reader,
    *,
    given: Mapping[str, str] | None = None,
    proposed: Mapping[str, str] | None = None,
    options: Mapping[str, Mapping[str, str]] | None = None,
    required: Sequence[str] = (),
) -> Form:
    """A write as a form about a line; `options`: what fields may be chosen from besides; `required`: needed here."""
    return Form(
        label=wording.LABELS[write.path],
        address=address(write.path).replace("{id}", line.id),
        questions=questions(
            write.asks,
            given=given,
            proposed=proposed,
            labels=wording.FIELDS,
            leave_out=_OF_A_PAYER if line.kind == "authorization" else _LEFT_OUT,
            options={**_choices(write.path, reader.site), **(options or {})},
            required=required,
        ),
        seen=line.version,
        key=secrets.token_urlsafe(12),
        zone=line.facility,
        clock=f"{reader.at.astimezone(reader.zone(line.facility)):%Z}",
    )


def _choices(path: str, site: Site) -> Mapping[str, Mapping[str, str]]:
    """The site's own codes for what the patient needs, and reasons."""
    if path != "/api/searches/{id}/needs":
        return wording.reasons(path)
    tracks = sorted({track for program in site.programs for track in program.tracks})
    accredited = sorted({name for program in site.programs for name in program.accreditation})
    return {
        "payer": {payer.id: payer.title for payer in site.payers},
        "track": {each: spoken(each) for each in tracks},
        "accreditation": {each: each for each in accredited},
    }
