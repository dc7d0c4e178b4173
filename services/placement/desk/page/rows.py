"""One row of the coordinators' desk: what the API shows of a line, in words, and the forms for it. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.placement.continuum.order import day_of
from services.placement.desk.frame import Write
from services.placement.desk.page import choices, wording
from services.placement.desk.page.cells import cells_of
from services.placement.search.entry import STATES
from services.placement.worklists.drawing import DRAWN
from services.placement.worklists.glance import Glance
from services.placement.worklists.lists import CARE
from services.placement.worklists.views import Line
from shared.storage.exits import WHO_MAY
from shared.web.auth import Caller
from shared.web.desk import may
from shared.web.form_posts import address
from shared.web.forms import Form, Question, local, questions
from shared.web.listing import Row
from shared.web.words import say
from shared.web.zones import name_of

PACKETS = WHO_MAY["packet"]


@dataclass(frozen=True)
class Reader(Glance):
    """Who reads rows, when and by which site; `writes`: path → write of the API."""

    who: Caller
    writes: Mapping[str, Write]
    _options: dict[tuple[str, str | None], Mapping[str, Mapping[str, str]]] = field(default_factory=dict)

    def options(self, path: str, program: str | None) -> Mapping[str, Mapping[str, str]]:
        """What the fields of a write are chosen from, about a program; the same for all rows of a page."""
        if (path, program) not in self._options:
            known = self.site.program(program) if program else None
            self._options[path, program] = choices.options(path, self.site, known)
        return self._options[path, program]


def row_of(line: Line, body: Mapping[str, Any], reader: Reader, *, linked: bool = True) -> Row:
    """A line as a row; `body` is what the API shows of it; `linked`: with a link to the programs for a search."""
    drawn = what, details, badge = DRAWN[line.kind](line, body, reader)
    link = None
    if (line.kind, line.state) == ("search", "open") and may(reader.who, CARE):
        compared, choices_of = f"/?search={line.id}", f"/searches/{line.id}/choices"
        link = (compared, "Compare programs") if linked else (choices_of, "The patient's choices")
    elif (line.kind, line.state) == ("placement", "placed") and _is_to_come(line, body, reader):
        link = (f"/placements/{line.id}/first-day.ics", "For the calendar")
    elif line.kind == "offer" and line.state in {"sent", "countered", "accepted"} and may(reader.who, PACKETS):
        link = (f"/offers/{line.id}/packet", "The packet")
    return Row(
        what,
        badge,
        line.facility,
        line.patient_id,
        details=tuple(filter(None, details)),
        link=link,
        answers=line.kind == "offer",
        forms=tuple(_forms(line, body, reader)),
        key=line.id,
        mark=line.mark,
        cells=cells_of(line, body, drawn, reader),
    )


def _is_to_come(line: Line, body: Mapping[str, Any], reader: Reader) -> bool:
    """True for a first day that is not over."""
    today = day_of(reader.at, reader.zone(line.facility))
    return str(body.get("start_date", "")) >= today.isoformat()


_OFFERED: dict[tuple[str, str], tuple[str, ...]] = {
    ("search", "open"): ("needs", "closed"),
    ("offer", "sent"): ("accepted", "declined", "countered", "withdrawn"),
    ("offer", "countered"): ("accepted", "declined", "withdrawn"),
    ("offer", "declined"): ("reopened",),
    ("offer", "expired"): ("reopened",),
    ("offer", "withdrawn"): ("reopened",),
    ("placement", "placed"): (
        "started", "start-missed", "first-day", "received", "received-withdrawn", "cancelled", "started-corrected",
        "start-withdrawn",
    ),
    ("placement", "missed"): ("first-day", "started", "start-missed-withdrawn", "cancelled"),
    ("placement", "started"): (
        "received", "completed", "discontinued", "leave-started", "leave-ended", "diagnosed", "received-withdrawn",
        "started-corrected", "start-withdrawn",
    ),
    ("session", "attended"): ("withdrawn",),
    ("session", "absent"): ("withdrawn",),
    ("placement", "ended"): ("end-corrected", "end-withdrawn"),
    ("waiting", "waiting"): ("left",),
    ("seat", "held"): ("released",),
    **dict.fromkeys(
        [("authorization", state) for state in STATES["authorization"]],
        ("approved", "extended", "requested", "pended", "denied", "ended"),
    ),
    ("plan", "current"): ("plan",),
    **dict.fromkeys([("review", "due"), ("review", "overdue")], ("done",)),
    ("leftover", "open"): ("stays", "goes-back"),
    ("leftover", "stays"): ("goes-back",),
}  # fmt: skip
"""What is offered for an entry in a state, the likeliest first, where the API has it."""
_LISTS = {
    "search": "searches", "offer": "offers", "placement": "placements", "waiting": "waitlist", "seat": "seats",
    "authorization": "authorizations", "plan": "episodes", "session": "sessions",
    "review": "reviews",
    "leftover": "leftovers",
}  # fmt: skip


def _is_told(body: Mapping[str, Any]) -> bool:
    """True for a placement of which it was told that it began, without effect."""
    return bool(body.get("start_told"))


_POSSIBLE: dict[str, Callable[[Mapping[str, Any], date], bool]] = {
    "reopened": lambda body, _: bool(body.get("search_open", True)) and not body.get("asked_again"),
    "started": lambda body, _: not _is_told(body),
    "start-missed": lambda body, today: str(body.get("start_date", "")) <= today.isoformat() and not _is_told(body),
    "cancelled": lambda body, _: not _is_told(body),
    "received": lambda body, _: (
        not _is_told(body) and (not body.get("receipt", {}).get("plan_read") or "receipt_due" in body)
    ),
    "received-withdrawn": lambda body, _: bool(body.get("receipt_told")),
    "first-day": lambda body, _: not _is_told(body) and not body.get("stay_open"),
    "leave-started": lambda body, _: not body.get("on_leave"),
    "leave-ended": lambda body, _: bool(body.get("on_leave")),
    "started-corrected": lambda body, _: body.get("stay", {}).get("kind") == "placement" or _is_told(body),
    "start-withdrawn": lambda body, _: ("stay" in body and not body.get("attended")) or _is_told(body),
    "plan": lambda body, _: bool(body.get("at_home")),
}
"""What may be done with an entry only where this is so on this day, beyond its state: a button that can't work is none.
What is known of a search's offers, and where an episode's plan would be recorded, is told by the page besides."""


def _forms(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    today = day_of(reader.at, reader.zone(line.facility))
    for to in _OFFERED.get((line.kind, line.state), ()):
        path = f"/api/{_LISTS[line.kind]}/{{id}}/{to}"
        condition, write = _POSSIBLE.get(to), able(path, reader)
        if write is None or not (write.decide.asker or _own(line, reader)):
            continue
        if line.kind == "authorization" and to not in body.get("possible", ()):
            continue
        if condition is None or condition(body, today):
            needed = ("start_date",) if to == "accepted" and "start_date" not in body else ()
            yield form(write, line, reader, proposed=_proposed(to, body, line, reader), required=needed)
    yield from _settling(line, body, reader)
    if _own(line, reader):
        yield from _sessions(line, body, reader)
        yield from _certifying(line, body, reader)
    again = able("/api/searches", reader) if line.kind == "search" and body.get("open_again") else None
    if again is not None:
        yield form(again, line, reader, given={"episode_id": line.episode_id})
    if line.kind == "proposal":
        yield from _deciding(line, body, reader)


def _deciding(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    """The forms of a step up that is proposed: somebody looks for that level, or the patient does not want it."""
    level = {"level": str(body["proposed"])}
    if (look := able("/api/searches", reader)) is not None:
        found = form(look, line, reader, given={"episode_id": line.episode_id, **level})
        yield found._replace(label=say("Look for this level"))
    if (not_so := able("/api/episodes/{id}/declined", reader)) is not None:
        yield form(not_so, line, reader, given=level)


def _certifying(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    """The form of the certification that a review waits for."""
    write = able("/api/episodes/{id}/certified", reader)
    if line.kind != "review" or line.state == "done" or write is None:
        return
    kind = {"certification": "initial"}.get(str(body["kind"]), str(body["kind"]))
    if kind in {"initial", "recertification"}:
        yield form(write, line, reader, proposed={"from": str(body["due_on"]), "kind": kind})


def _own(line: Line, reader: Reader) -> bool:
    """True when the line is in the reader's scope, and not seen only because the reader's search asked for it."""
    return reader.who.scope.has_all((line.facility, *line.besides))


def _settling(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    """The forms of a conflict: one for each fact that may fall, and one for none of them."""
    write = able("/api/conflicts/{id}/settled", reader)
    if (line.kind, line.state) != ("conflict", "open") or write is None:
        return
    for fact in body.get("facts", ()):
        falling = form(write, line, reader, given={"falls": fact["ce_id"]})
        yield falling._replace(label=say("Not so: {what}", what=reader.facts[fact["ce_id"]].short()))
    yield form(write, line, reader, given={"falls": ""})


def _sessions(line: Line, body: Mapping[str, Any], reader: Reader) -> Iterator[Form]:
    """The forms that say what became of a session: of a stay that goes on for a new one, of a session for what it
    really was; the patient was there, or was not."""
    known = "/api/sessions", "/api/sessions/{id}/corrected"
    if (line.kind, line.state) == ("placement", "started"):
        path, labels = known[0], (wording.LABELS[known[0]], wording.ABSENT)
        settled = {"placement_id": line.id, "session_id": f"desk-{line.version}"}
        day = day_of(reader.at, reader.zone(line.facility))
        program = reader.site.program(line.program) if line.program else None
        first = {"date": day.isoformat(), **choices.session_of(program, day), "group": str(body.get("group", ""))}
    elif line.kind == "session" and line.state != "withdrawn":
        path, labels, settled = known[1], (wording.LABELS[known[1]], wording.WAS_ABSENT), {}
        first = {"date": body["date"], "group": body.get("group", ""), "absent": body.get("reason", "")}
        told = enumerate(body.get("services", ()))
        first |= {f"services.{n}.{name}": str(value) for n, one in told for name, value in one.items()}
    else:
        return
    if (write := able(path, reader)) is None:
        return
    there = form(write, line, reader, given={**settled, "absent": ""}, proposed=first)
    away = form(
        write, line, reader, given=settled, proposed=first, leave_out=("services", "group"), required=("absent",)
    )
    yield there._replace(label=labels[0])
    yield away._replace(label=labels[1])


def able(path: str, reader: Reader) -> Write | None:
    """The write of this path, where there is one and this reader may use it; else None."""
    write = reader.writes.get(path)
    return write if write is not None and path in wording.LABELS and may(reader.who, write.roles) else None


def _proposed(to: str, body: Mapping[str, Any], line: Line, reader: Reader) -> dict[str, str]:
    today = local(reader.at, reader.zone(line.facility))[:10]
    now, first = local(reader.at, reader.reading(line.facility)), str(body.get("start_date", ""))
    if to == "needs":
        return {name: str(value) for name, value in body.get("needs", {}).items() if not isinstance(value, list)}
    if to in {"denied", "pended"} or (line.kind, to) == ("authorization", "ended"):
        return {"to": today}
    if (again := _AGAIN.get(line.kind)) is not None:
        return {name: _typed(body[name]) for name in again if name in body}
    if to in {"accepted", "countered", "started-corrected"}:
        return {"start_date": first, "date": first}
    if to == "first-day":
        return {"start_date": str(body.get("asked_day", "")) or (first if first > today else "")}
    return {"date": min(first or today, today) if to == "started" else today, "at": now}


def _typed(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


_AGAIN = {"authorization": ("units", "from", "to", "number"), "plan": ("level", "hours_week", "days_week", "goals")}
"""What is proposed as it was."""


def form(
    write: Write,
    line: Line,
    reader: Reader,
    *,
    given: Mapping[str, str] | None = None,
    proposed: Mapping[str, str] | None = None,
    options: Mapping[str, Mapping[str, str]] | None = None,
    required: Sequence[str] = (),
    leave_out: Sequence[str] = (),
) -> Form:
    """A write as a form about a line; `options`: more choices of fields; `required`: fields needed here; `leave_out`:
    fields not asked for here."""
    zone = reader.reading(line.facility)
    of_episode = write.path.startswith("/api/episodes/")
    own: tuple[Question, ...] = ()
    if "also" in write.asks.model_fields:
        own = choices.own_needs(reader.site, line.content.get("needs", {}).get("also", {}))
    return Form(
        label=wording.LABELS[write.path],
        address=address(write.path).replace("{id}", line.episode_id if of_episode else line.id),
        questions=(
            *questions(
                write.asks,
                given=given,
                proposed=proposed,
                labels=wording.FIELDS,
                leave_out=(*choices.left_out(write.path), *leave_out),
                options={**reader.options(write.path, line.program), **(options or {})},
                required=required,
            ),
            *own,
        ),
        seen=line.version,
        key=secrets.token_urlsafe(12),
        zone=name_of(zone) if reader.reader else line.facility,
        clock=f"{reader.at.astimezone(zone):%Z}",
        confirm=wording.CONFIRM.get(write.path, ""),
    )
