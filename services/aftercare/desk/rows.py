"""One row of the follow-up desk: the patient, the state in words, and the forms for what can be done. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

from services.aftercare.contacts.deaths import ASK_FIRST
from services.aftercare.desk import wording
from services.aftercare.desk.writes import WRITES, Write
from services.aftercare.windows.marks import OPEN_TO
from shared.web.desk import Badge, Row, by, until
from shared.web.form_posts import address
from shared.web.forms import Form, local, questions
from shared.web.wording import day, moment, spoken, time_left

BY_PATH: Mapping[str, Write] = {write.path: write for write in WRITES}


class Now(NamedTuple):
    """The time and the zone in which a row is shown."""

    at: datetime
    zone: tzinfo


def row_of(found: Mapping[str, Any], now: Now, *, may_act: bool) -> Row:
    """A list entry or follow-up window as a row of the page. `may_act`: with forms."""
    kind = found.get("kind", "follow-up")
    what, details, badge = _TOLD[kind](found, now)
    forms = tuple(_forms(kind, found, now)) if may_act else ()
    told = tuple(filter(None, details))
    return Row(what, badge, found["facility"], found["patient_id"], details=told, forms=forms)


Told = tuple[str, tuple[str, ...], Badge]


def _plan(found: Mapping[str, Any], now: Now) -> Told:
    value = found["value"]
    details = (*_since(value, now), f"plan: {spoken(value['template'])}" if "template" in value else "")
    if "contact_due" not in value:
        what = "In aftercare" if "aftercare_since" in value else "Left for home"
        return what, details, Badge(wording.STOPPED.get(value.get("calls_stopped", ""), "no contact asked for now"))
    due = _at(value["contact_due"])
    name = next((c["name"] for c in value["contacts"] if "kept_by" not in c and _at(c["to"]) == due), "contact")
    return spoken(name).capitalize(), (f"by {moment(due, now.zone)}", *details), until(due, now.at)


def _since(value: Mapping[str, Any], now: Now) -> Iterator[str]:
    """Sentences about a plan: since when the patient is out of care, and which next level is awaited."""
    yield f"left {moment(_at(value['started_at']), now.zone)}"
    if "aftercare_since" in value:
        yield f"in aftercare since {moment(_at(value['aftercare_since']), now.zone)}"
    if "search" in value:
        yield "a program is looked for"
    if "next_start" in value:
        yield f"first day at a program agreed: {day(date.fromisoformat(value['next_start']))}"


def _risk(found: Mapping[str, Any], now: Now) -> Told:
    value = found["value"]
    signals = [wording.SIGNALS.get(each, spoken(each)) for each in value["signals"]]
    since = moment(_at(value["raised_at"]), now.zone)
    return ", ".join(signals).capitalize(), (f"since {since}",), Badge("risk raised", "late")


def _referral(found: Mapping[str, Any], now: Now) -> Told:
    value = found["value"]
    to = f"to {value['provider']}" if "provider" in value else "provider still open"
    history = value.get("history", ())
    last = f"{wording.STATES[found['state']]}, since {moment(_at(history[-1]['at']), now.zone)}" if history else ""
    why = spoken(history[-1]["reason"]) if history and "reason" in history[-1] else ""
    details = (to, last or wording.STATES.get(found["state"], found["state"]), why)
    ended = found["state"] in {"declined", "cancelled"}
    if ended or "due_by" not in value:
        return spoken(value["kind"]).capitalize(), details, Badge(spoken(found["state"]), "late" if ended else "")
    due = date.fromisoformat(value["due_by"])
    return spoken(value["kind"]).capitalize(), (*details, f"to be settled by {day(due)}"), by(due, now.at, now.zone)


def _appointment(found: Mapping[str, Any], now: Now) -> Told:
    at = _at(found["value"]["at"])
    badge = Badge("what came of it?", "late") if at < now.at else Badge(time_left(at, now.at).replace("left", "to go"))
    return f"Appointment {moment(at, now.zone)}", (spoken(found["value"]["mode"]),), badge


def _contact(found: Mapping[str, Any], now: Now) -> Told:
    value = found["value"]
    tone = {"kept": "good", "missed": "late"}.get(found["state"], "")
    with_whom = spoken(value["provider_kind"]) if "provider_kind" in value else ""
    details = (spoken(value["mode"]), with_whom)
    return f"Contact {moment(_at(value['at']), now.zone)}", details, Badge(spoken(value["outcome"]), tone)


def _follow_up(found: Mapping[str, Any], now: Now) -> Told:
    window = f"{day(found['due_from'])} to {day(found['due_to'])}"
    state = found["state"]
    badge = wording.WINDOWS[state] if state in wording.WINDOWS else by(found["due_to"], now.at, now.zone)
    why = spoken(found["reason"]) if state == "excluded" and found["reason"] else ""
    return wording.measure(found["measure"]).capitalize(), (f"a visit counts from {window}", why), badge


_TOLD: dict[str, Callable[[Mapping[str, Any], Now], Told]] = {
    "plan": _plan,
    "risk": _risk,
    "referral": _referral,
    "appointment": _appointment,
    "contact": _contact,
    "follow-up": _follow_up,
}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _forms(kind: str, found: Mapping[str, Any], now: Now) -> Iterator[Form]:
    """The forms of a row, the most likely first."""
    of_episode = {"episode_id": found["episode_id"]}
    if kind in {"plan", "risk"} or found.get("state") == "due":
        yield _form("/api/contacts", found, now, of_episode)
    if kind == "appointment":
        yield _form("/api/contacts", found, now, of_episode | {"appointment_id": found["id"]})
    if kind == "plan":
        yield _form("/api/referrals", found, now, of_episode)
        yield _form("/api/appointments", found, now, of_episode)
        if found["value"].get("calls_stopped") == ASK_FIRST:
            yield _form("/api/plans/{id}/calls", found, now)
        if _may_close(found["value"]):
            yield _form("/api/plans/{id}/closed", found, now)
    if kind == "risk":
        yield _form("/api/risks/{id}/cleared", found, now)
    if kind == "contact":
        yield _form("/api/contacts/{id}/withdrawn", found, now)
    if kind == "referral":
        yield from _moves(found, now, of_episode)
    if kind == "follow-up" and found["state"] != "excluded":
        yield from (
            _form(f"/api/follow-ups/{{id}}/{to}", found, now) for to in OPEN_TO if found["state"] in OPEN_TO[to]
        )


def _may_close(value: Mapping[str, Any]) -> bool:
    """False while aftercare has not started and a program is looked for: that search has to be ended first."""
    return "aftercare_since" in value or not {"search", "next_start"} & value.keys()


def _moves(found: Mapping[str, Any], now: Now, of_episode: dict[str, str]) -> Iterator[Form]:
    for each in sorted(found["value"].get("possible", ()), key=_LIKELY.index):
        yield _form(f"/api/referrals/{{id}}/{each}", found, now)
    if found["state"] in {"declined", "cancelled"}:
        given = of_episode | {"kind": found["value"]["kind"], "instead_of": found["id"]}
        yield _form("/api/referrals", found, now, given)


_LIKELY = (
    "completed",
    "scheduled",
    "accepted",
    "received",
    "no-show",
    "rescheduled",
    "declined",
    "cancelled",
    "cancellation-requested",
)
"""Moves of a referral, the likeliest first."""
_LEFT_OUT = ("appointment_id", "instead_of")
_PROVIDER_S = ("received", "accepted", "scheduled", "rescheduled", "completed")
_SETTLED = {**{each: {"by": "provider"} for each in _PROVIDER_S}, "no-show": {"by": "patient"}}
"""Whose doing a move is, where it can only be one's."""


def _form(path: str, found: Mapping[str, Any], now: Now, given: Mapping[str, str] | None = None) -> Form:
    write = BY_PATH[path]
    entry_id = found.get("id") or found["follow_up_id"]
    settled = {**_SETTLED.get(path.rpartition("/")[2], {}), **(given or {})}
    ahead = {"referral-scheduled", "referral-rescheduled", "appointment-recorded"}
    proposed = {} if write.action in ahead else {"at": local(now.at, now.zone)}
    asked = questions(write.asks, given=settled, proposed=proposed, labels=wording.FIELDS, leave_out=_LEFT_OUT)
    return Form(
        label=wording.LABELS[write.action],
        address=address(path).replace("{id}", entry_id),
        questions=asked,
        seen=found["sequence"],
        key=secrets.token_urlsafe(12),
        zone=found["facility"],
        clock=f"{now.at.astimezone(now.zone):%Z}",
    )
