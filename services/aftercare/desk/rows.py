"""One row of the follow-up desk: the patient, the state in words, and the forms for what can be done. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from services.aftercare.contacts.deaths import ASK_FIRST
from services.aftercare.desk import wording
from services.aftercare.desk.writes import WRITES, Write
from services.aftercare.windows.marks import OPEN_TO
from services.aftercare.worklists.entries import (
    AppointmentEntry,
    ContactEntry,
    LeftoverEntry,
    PlanEntry,
    ReferralEntry,
    RiskEntry,
)
from services.aftercare.worklists.listed import ListedEntry, ListedRow, ListedWindow
from shared.web.badges import by, until
from shared.web.form_posts import address
from shared.web.forms import Form, local, questions
from shared.web.listing import Row
from shared.web.marks import Team, who_cell
from shared.web.tables import Badge, Cell
from shared.web.wording import capital, day, measure, moment, spoken, time_to_go
from shared.web.words import say
from shared.web.zones import name_of

BY_PATH: Mapping[str, Write] = {write.path: write for write in WRITES}


class Now(NamedTuple):
    """When a row is shown, and the facility's zone, by which its days go; `reader`: the zone in which instants are
    told, None: in the facility's; `title`: the facility's; `team`: what colleagues are called;
    `needs`: need of the site → its words."""

    at: datetime
    zone: tzinfo
    reader: tzinfo | None = None
    title: str = ""
    team: Team = Team("", {})
    needs: Mapping[str, str] = MappingProxyType({})

    @property
    def reading(self) -> tzinfo:
        """The zone in which an instant is told."""
        return self.reader or self.zone


def row_of(found: ListedRow, now: Now, *, may_act: bool) -> Row:
    """A list entry or follow-up window as a row of the page. `may_act`: with forms."""
    what, details, badge = _follow_up(found, now) if isinstance(found, ListedWindow) else _of_entry(found, now)
    forms = tuple(_forms(found, now)) if may_act else ()
    told = tuple(filter(None, details))
    cells = _cells(found, (what, told, badge), now)
    return Row(
        what, badge, found.facility, found.patient_id, details=told, forms=forms, key=found.id, mark=found.mark,
        cells=cells,
    )  # fmt: skip


Told = tuple[str, tuple[str, ...], Badge]
"""What a row says: its title, its details (an empty one is not shown), and its badge."""


def _cells(found: ListedRow, told: Told, now: Now) -> Mapping[str, Cell]:
    """Column → what it shows: what the row says, with what has a column of its own in that column."""
    what, details, badge = told
    who = who_cell(found.mark, now.team, now.at, (now.reading, now.zone))
    cells = {"facility": Cell(now.title), "who": who}
    match found:
        case ListedWindow():
            window = f"{day(found.due_from)} – {day(found.due_to)}"
            return {**cells, "window": Cell(window), "what": Cell(what, details[1:])}
        case ListedEntry(value=PlanEntry(contact_due=due) as plan):
            by_when = details[:1] if due is not None else ()
            left = Cell(moment(plan.started_at, now.reading))
            more = [each for each in details[len(by_when) :] if each != _left(plan, now)]
            return {**cells, "left": left, "waiting": Cell(badge=badge, more=by_when), "what": Cell(what, more)}
        case ListedEntry(value=ReferralEntry()):
            return {**cells, "to": Cell(details[0]), "what": Cell(what, details[1:])}
        case ListedEntry(value=RiskEntry() | LeftoverEntry()):
            return {**cells, "waiting": Cell(badge=badge, more=details), "what": Cell(what)}
    return cells


def _of_entry(found: ListedEntry, now: Now) -> Told:
    match found.value:
        case PlanEntry() as plan:
            return _plan(plan, now)
        case RiskEntry() as risk:
            return _risk(risk, now)
        case ReferralEntry() as referral:
            return _referral(referral, found.state, now)
        case AppointmentEntry() as appointment:
            return _appointment(appointment, now)
        case ContactEntry() as contact:
            return _contact(contact, found.state, now)
        case LeftoverEntry() as left:
            return _leftover(left, found.state, now)


def _plan(plan: PlanEntry, now: Now) -> Told:
    details = (*_since(plan, now), say("plan: {name}", name=spoken(plan.template)) if plan.template is not None else "")
    if (due := plan.contact_due) is None:
        what = say("In aftercare") if plan.aftercare_since is not None else say("Left for home")
        return what, details, Badge(say(wording.STOPPED.get(plan.calls_stopped or "", "no contact asked for now")))
    name = next((call.name for call in plan.contacts if call.kept_by is None and call.closes == due), "contact")
    return capital(spoken(name)), (say("by {at}", at=moment(due, now.reading)), *details), until(due, now.at)


def _since(plan: PlanEntry, now: Now) -> Iterator[str]:
    """Sentences about a plan, the best reason to call first: which next level is awaited, then since when the patient
    is out of care."""
    if plan.missed_start is not None:
        yield say("did not come to the first day at a program on {day}", day=day(plan.missed_start))
    if plan.next_start is not None and plan.next_start < now.at.astimezone(now.zone).date():
        yield say("first day at a program was {day}; nobody said whether the patient came", day=day(plan.next_start))
    elif plan.next_start is not None:
        yield say("first day at a program agreed: {day}", day=day(plan.next_start))
    if plan.search is not None:
        yield say("a program is looked for")
    if plan.aftercare_since is not None:
        yield say("in aftercare since {at}", at=moment(plan.aftercare_since, now.reading))
    yield _left(plan, now)


def _left(plan: PlanEntry, now: Now) -> str:
    return say("left {at}", at=moment(plan.started_at, now.reading))


def _risk(risk: RiskEntry, now: Now) -> Told:
    signals = [say(wording.SIGNALS[each]) if each in wording.SIGNALS else spoken(each) for each in risk.signals]
    since = say("since {at}", at=moment(risk.raised_at, now.reading))
    return capital(", ".join(signals)), (since,), Badge(say("risk raised"), "late")


def _referral(referral: ReferralEntry, state: str, now: Now) -> Told:
    to = say("to {whom}", whom=referral.provider) if referral.provider is not None else say("provider still open")
    history, kind = referral.history, capital(spoken(referral.kind))
    stands = say(wording.STATES.get(state, state))
    last = say("{state}, since {at}", state=stands, at=moment(history[-1].at, now.reading)) if history else ""
    why = spoken(history[-1].reason) if history and history[-1].reason is not None else ""
    details = (to, last or stands, why, _need(referral, now))
    ended = state in {"declined", "cancelled"}
    if ended or (due := referral.due_by) is None:
        return kind, details, Badge(spoken(state), "late" if ended else "")
    return kind, (*details, say("to be settled by {day}", day=day(due))), by(due, now.at, now.zone)


def _need(referral: ReferralEntry, now: Now) -> str:
    """Which need of a search it answers; empty for a plan's referral, and for one that somebody made."""
    return say("answers a need: {need}", need=now.needs.get(referral.need, referral.need)) if referral.need else ""


def _appointment(appointment: AppointmentEntry, now: Now) -> Told:
    at = appointment.at
    badge = Badge(say("what came of it?"), "late") if at < now.at else Badge(time_to_go(at, now.at))
    return say("Appointment {at}", at=moment(at, now.reading)), (spoken(appointment.mode),), badge


def _contact(contact: ContactEntry, state: str, now: Now) -> Told:
    tone = {"kept": "good", "missed": "late"}.get(state, "")
    with_whom = spoken(contact.provider_kind) if contact.provider_kind is not None else ""
    details = (spoken(contact.mode), with_whom)
    return say("Contact {at}", at=moment(contact.at, now.reading)), details, Badge(spoken(contact.outcome), tone)


def _leftover(left: LeftoverEntry, state: str, now: Now) -> Told:
    names = [say(wording.LEFT[each]) if each in wording.LEFT else spoken(each) for each in dict.fromkeys(left.facts)]
    badge = Badge(say("stays here"), "good") if state == "stays" else Badge(say("whose is it?"), "late")
    since = say("recorded {at}", at=moment(left.at, now.reading))
    return capital(", ".join(names)), (since,), badge


def _follow_up(found: ListedWindow, now: Now) -> Told:
    window = say("{since} to {until}", since=day(found.due_from), until=day(found.due_to))
    state, told = found.state, wording.WINDOWS.get(found.state)
    badge = Badge(say(told.text), told.tone) if told is not None else by(found.due_to, now.at, now.zone)
    why = spoken(found.reason) if state == "excluded" and found.reason else ""
    return capital(measure(found.measure)), (say("a visit counts from {window}", window=window), why), badge


def _forms(found: ListedRow, now: Now) -> Iterator[Form]:
    """The forms of a row, the most likely first."""
    if isinstance(found, ListedWindow):
        yield from _forms_of_window(found, now)
        return
    of_episode = {"episode_id": found.episode_id}
    match found.value:
        case PlanEntry() as plan:
            yield from _forms_of_plan(found, plan, now)
        case RiskEntry():
            yield _form("/api/contacts", found, now, of_episode)
            yield _form("/api/risks/{id}/cleared", found, now)
        case AppointmentEntry() as appointment:
            yield from _forms_of_appointment(found, appointment, now)
        case ContactEntry():
            yield _form("/api/contacts/{id}/withdrawn", found, now)
        case ReferralEntry() as referral:
            yield from _moves(found, referral, now)
        case LeftoverEntry():
            for act in ("goes-back",) if found.state == "stays" else ("stays", "goes-back"):
                yield _form(f"/api/leftovers/{{id}}/{act}", found, now)


def _forms_of_plan(found: ListedEntry, plan: PlanEntry, now: Now) -> Iterator[Form]:
    of_episode = {"episode_id": found.episode_id}
    yield _form("/api/contacts", found, now, of_episode, again=plan.contact_due is not None)
    for path in ("/api/referrals", "/api/appointments"):
        yield _form(path, found, now, of_episode)
    if plan.calls_stopped == ASK_FIRST:
        yield _form("/api/plans/{id}/calls", found, now)
    if _may_close(plan):
        yield _form("/api/plans/{id}/closed", found, now)


def _forms_of_appointment(found: ListedEntry, appointment: AppointmentEntry, now: Now) -> Iterator[Form]:
    """What came of it; one that a referral leads to is moved, or was missed, by the referral's own moves."""
    yield _form("/api/contacts", found, now, {"episode_id": found.episode_id, "appointment_id": found.id})
    if appointment.referral_id is not None and found.state == "scheduled":
        for move in ("no-show", "rescheduled"):
            yield _form(f"/api/referrals/{{id}}/{move}", found, now, about=appointment.referral_id)


def _may_close(plan: PlanEntry) -> bool:
    """False while aftercare has not started and a program is looked for: that search has to be ended first."""
    return plan.aftercare_since is not None or (plan.search is None and plan.next_start is None)


def _moves(found: ListedEntry, referral: ReferralEntry, now: Now) -> Iterator[Form]:
    for each in sorted(referral.possible, key=_LIKELY.index):
        yield _form(f"/api/referrals/{{id}}/{each}", found, now)
    if found.state in {"declined", "cancelled"}:
        given = {"episode_id": found.episode_id, "kind": referral.kind, "instead_of": found.id}
        yield _form("/api/referrals", found, now, given)


def _forms_of_window(found: ListedWindow, now: Now) -> Iterator[Form]:
    if found.state == "due":
        yield _form("/api/contacts", found, now, {"episode_id": found.episode_id})
    if found.state != "excluded":
        for to, states in OPEN_TO.items():
            if found.state in states:
                yield _form(f"/api/follow-ups/{{id}}/{to}", found, now)


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


def _form(
    path: str,
    found: ListedRow,
    now: Now,
    given: Mapping[str, str] | None = None,
    about: str | None = None,
    *,
    again: bool = False,
) -> Form:
    """A form of a row. `about`: the id that its address names, where that is not the row's own; `again`: it asks when
    to call again."""
    write = BY_PATH[path]
    settled = {**_SETTLED.get(path.rpartition("/")[2], {}), **(given or {})}
    left_out = _LEFT_OUT if again else (*_LEFT_OUT, "call_again_on")
    ahead = {"referral-scheduled", "referral-rescheduled", "appointment-recorded"}
    proposed = {} if write.action in ahead else {"at": local(now.at, now.reading)}
    asked = questions(write.asks, given=settled, proposed=proposed, labels=wording.FIELDS, leave_out=left_out)
    return Form(
        label=wording.LABELS[write.action],
        address=address(path).replace("{id}", about or found.id),
        questions=asked,
        seen=found.sequence,
        key=secrets.token_urlsafe(12),
        zone=name_of(now.reading) if now.reader else found.facility,
        clock=f"{now.at.astimezone(now.reading):%Z}",
        confirm=wording.CONFIRM.get(write.action, ""),
    )
